/** One campaign against a broken tree, up to its first finding. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Defect } from "./defect.ts";

export interface HuntOptions {
  /** Root of the tree that holds the defect. */
  readonly root: string;
  readonly seconds: number;
  readonly seed: number;
}

/** What a campaign came to. */
export type Catch =
  | {
      readonly kind: "found";
      /** The check that failed. */
      readonly rule: string;
      /** The operation after which it failed. */
      readonly operation: string;
      readonly message: string;
      readonly runs: number;
      readonly operations: number;
      readonly seconds: number;
    }
  | { readonly kind: "missed"; readonly runs: number; readonly seconds: number }
  | { readonly kind: "refused"; readonly reason: string };

/** The part of the `--json` document that is read here. */
interface CampaignDocument {
  readonly runs: number;
  readonly operations: number;
  readonly durationSeconds: number;
  readonly refusal: { readonly reason: string } | null;
  readonly findings: readonly {
    readonly rule: string;
    readonly operation: string;
    readonly message: string;
  }[];
}

export async function hunt({ target }: Defect, options: HuntOptions): Promise<Catch> {
  const out = mkdtempSync(join(tmpdir(), "aspace-hunt-"));
  try {
    return readDocument(await runCampaign(target, out, options));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The campaign's standard output, whatever its exit status: a finding is no failure here. */
function runCampaign(target: string, out: string, options: HuntOptions): Promise<string> {
  const { root, seconds, seed } = options;
  const flags = ["--workers", "1", "--first-finding", "--json", "--out", out];
  const limits = ["--time", String(seconds), "--seed", String(seed)];
  const args = [join(root, "apps/cli/src/main.ts"), "fuzz", target, ...limits, ...flags];
  return new Promise((resolve) => {
    const settings = { cwd: root, maxBuffer: 64 << 20 };
    execFile(process.execPath, args, settings, (_error, stdout, stderr) =>
      resolve(stdout === "" ? stderr : stdout),
    );
  });
}

function readDocument(text: string): Catch {
  if (!text.startsWith("{")) return { kind: "refused", reason: text.trim().split("\n").at(-1)! };
  const document = JSON.parse(text) as CampaignDocument;
  if (document.refusal !== null) return { kind: "refused", reason: document.refusal.reason };
  const { runs, operations, durationSeconds: seconds } = document;
  const [first] = document.findings;
  if (first === undefined) return { kind: "missed", runs, seconds };
  const { rule, operation, message } = first;
  return { kind: "found", rule, operation, message, runs, operations, seconds };
}
