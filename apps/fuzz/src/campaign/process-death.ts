/** What the end of an engine process means (F-26): a limit, a finding that it died of, or a failure. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sha1 } from "../findings/fingerprint.ts";
import type { Failure } from "../target.ts";
import type { EngineEnd } from "./engine-process.ts";

export type ProcessDeath =
  | { readonly kind: "finding"; readonly failure: Failure; readonly input: Uint8Array }
  | { readonly kind: "failure"; readonly reason: string };

/** Exit statuses of libFuzzer, with what they say about the input that was being run. */
const FATAL_RUNS: Readonly<Record<number, { rule: string; operation: string; message: string }>> = {
  70: { rule: "F-15", operation: "hang", message: "one run did not end before the engine's limit" },
  71: {
    rule: "F-15",
    operation: "memory",
    message: "the process outgrew the engine's memory limit",
  },
  77: { rule: "F-14", operation: "crash", message: "an exception or crash ended the engine" },
};

/** Reads the end of a process that did not stop by itself. `artifacts` is its own folder. */
export function readDeath(
  end: EngineEnd,
  arches: readonly string[],
  artifacts: string,
): ProcessDeath {
  const fatal = FATAL_RUNS[end.status ?? -1];
  const input = fatal === undefined ? null : (inputFromArtifact(artifacts) ?? inputFromOutput(end));
  if (fatal === undefined || input === null) return { kind: "failure", reason: howItEnded(end) };
  const failure = { ...fatal, arch: arches.join(","), frame: "", trace: "" };
  return { kind: "finding", failure, input };
}

/** The engine names the file `KIND-SHA1`; a full disk leaves an empty one (F-28). */
function inputFromArtifact(folder: string): Uint8Array | null {
  for (const name of readdirSync(folder)) {
    const content = readFileSync(join(folder, name));
    rmSync(join(folder, name));
    if (name.endsWith(`-${sha1(content)}`)) return content;
  }
  return null;
}

/** Its output carries the same bytes, on a full disk as the only copy. */
function inputFromOutput({ output }: EngineEnd): Uint8Array | null {
  const line = output.findLast((text) => text.startsWith("Base64: "));
  return line === undefined ? null : Buffer.from(line.slice("Base64: ".length), "base64");
}

function howItEnded({ status, signal, output }: EngineEnd): string {
  const how = signal === null ? `ended with status ${status}` : `was killed by ${signal}`;
  const said = output.findLast((line) => /error|fatal/i.test(line))?.trim();
  return said === undefined ? how : `${how}: ${said}`;
}
