import type { FieldsOf } from "./field.ts";

/**
 * What an operation can be seen to do, and what `expect` can ask for. An expected object is met by one that has at least its fields; lists are met by equal
 * ones only.
 */
export const EXPECTATION_FIELDS = {
  status: "statusName?",
  /** It waits, for this. */
  blocked: "waitingFor?",
  /** The rule of the panic that ends the trace. */
  panic: "text?",
  value: "value?",
  /** What was read. */
  bytes: "data?",
  /** Offsets of pages. */
  pages: "offsets?",
  packet: "packetOrNull?",
  ranges: "ranges?",
  attribution: "attribution?",
  counts: "counts?",
  /** What the CPU says; nothing when the access goes through. */
  fault: "cpuFault?",
  entry: "entryOrNull?",
  dump: "texts?",
} as const;

export type Expectation = FieldsOf<typeof EXPECTATION_FIELDS>;

/** What an operation did. */
export type Seen = Expectation;
