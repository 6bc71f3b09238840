/** What `doctor` wants to know about the fuzz engine: is it here, does it load, and how. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findEngine } from "./find-engine.ts";
import type { AddonLoad } from "./glibc-adaptation.ts";
import { oneLine } from "./one-line.ts";

export interface EngineReport {
  /** The engine's version; `null` if it is not installed. */
  readonly version: string | null;
  /** Version of the C library, `null` where it is not glibc. */
  readonly glibc: string | null;
  readonly load: AddonLoad | { readonly kind: "missing" | "broken"; readonly reason: string };
}

const PROBE = fileURLToPath(new URL("./engine-probe.ts", import.meta.url));
const PROBE_LIMIT_MS = 30_000;

/** Tries to load the engine in a child process. Never throws. */
export async function engineReport(engine: string | null = findEngine()): Promise<EngineReport> {
  const glibc = glibcVersion();
  if (engine === null) {
    const reason = "@jazzer.js/core is not installed";
    return { version: null, glibc, load: { kind: "missing", reason } };
  }
  return { version: versionOf(engine), glibc, load: await probe(engine) };
}

async function probe(engine: string): Promise<EngineReport["load"]> {
  try {
    const program = [PROBE, engine];
    const { stdout } = await promisify(execFile)(process.execPath, program, {
      timeout: PROBE_LIMIT_MS,
    });
    return JSON.parse(stdout) as EngineReport["load"];
  } catch (error) {
    const reason = `loading it ended the process: ${oneLine(error)}`;
    return { kind: "broken", reason };
  }
}

function versionOf(engine: string): string | null {
  try {
    const manifest = createRequire(engine)("../package.json") as { version: string };
    return manifest.version;
  } catch {
    return null;
  }
}

function glibcVersion(): string | null {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime ?? null;
}
