/** Runs a saved finding again, without the engine (F-17). */
import { relative } from "node:path";
import type { Failure, FuzzTarget } from "../target.ts";
import type { Finding } from "./finding.ts";
import { readFinding } from "./finding-store.ts";
import { fingerprintOf } from "./fingerprint.ts";

export type Replay =
  /** The same defect. */
  | { readonly kind: "reproduced"; readonly finding: Finding; readonly failure: Failure }
  /** It fails, but by its fingerprint this is another defect. */
  | { readonly kind: "different"; readonly finding: Finding; readonly failure: Failure }
  /** It does not fail any more. */
  | { readonly kind: "gone"; readonly finding: Finding };

/**
 * Replays the finding in `directory` on a target made for it by `createTarget`. A finding without
 * a trace, such as an endless loop, is run from its bytes and may then not come back. Throws
 * `UnreadableFinding` or `UnreadableTrace`, each with one line for the user.
 */
export async function replayFinding(
  directory: string,
  createTarget: (finding: Finding) => Promise<FuzzTarget>,
): Promise<Replay> {
  const { finding, input, trace } = readFinding(directory);
  const target = await createTarget(finding);
  const failure = trace === null ? target.run(input) : target.replay(trace);
  if (failure === null) return { kind: "gone", finding };
  const isSame = fingerprintOf(failure) === finding.fingerprint;
  return { kind: isSame ? "reproduced" : "different", finding, failure };
}

/** The command that replays a finding, for the current folder. */
export function replayCommand(directory: string): string {
  const path = relative(process.cwd(), directory);
  const isPlain = /^[\w./-]+$/.test(path);
  return `npm run -s aspace -- replay ${isPlain ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`}`;
}
