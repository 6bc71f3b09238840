/** `finding.json`: everything about a finding except its input and its trace. */
import * as v from "valibot";

export const FINDING_FORMAT_VERSION = 1;

export interface Finding {
  readonly formatVersion: typeof FINDING_FORMAT_VERSION;
  readonly fingerprint: string;
  readonly rule: string;
  readonly operation: string;
  readonly arch: string;
  readonly frame: string;
  readonly message: string;
  /** What was fuzzed, with everything that decides what the input means. */
  readonly target: string;
  readonly arches: readonly string[];
  readonly quirks: readonly string[];
  readonly decoderVersion: number;
  /** SHA-1 of `input.bin`. */
  readonly input: string;
  /** False when no trace could be made, as for an endless loop: then `input.bin` is all there is. */
  readonly hasTrace: boolean;
  /** Seed of the campaign. */
  readonly seed: number;
  readonly node: string;
  /** `null` when it was found outside a repository. */
  readonly commit: string | null;
}

const SCHEMA: v.GenericSchema<unknown, Finding> = v.strictObject({
  formatVersion: v.literal(FINDING_FORMAT_VERSION),
  fingerprint: v.string(),
  rule: v.string(),
  operation: v.string(),
  arch: v.string(),
  frame: v.string(),
  message: v.string(),
  target: v.string(),
  arches: v.array(v.string()),
  quirks: v.array(v.string()),
  decoderVersion: v.number(),
  input: v.string(),
  hasTrace: v.boolean(),
  seed: v.number(),
  node: v.string(),
  commit: v.nullable(v.string()),
});

/** What is the same for all findings of a campaign. */
export type Provenance = Pick<
  Finding,
  "target" | "arches" | "quirks" | "decoderVersion" | "seed" | "node" | "commit"
>;

/** Reads the text of a `finding.json`; `null` if it is not one that this version understands. */
export function parseFinding(text: string): Finding | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = v.safeParse(SCHEMA, value);
  return parsed.success ? parsed.output : null;
}
