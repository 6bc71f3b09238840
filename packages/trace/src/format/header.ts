import type { FieldsOf } from "./field.ts";

export const FORMAT = "aspace-trace";
export const VERSION = 1;

/** The first line, beside `format` and `version`: the machine and the kernel that the operations run on. */
export const HEADER_FIELDS = {
  /** For people. */
  title: "text?",
  /** Names of the architectures that the trace is meant for; any, unless given. */
  arches: "texts?",
  /** 1 unless given. */
  cpus: "count?",
  /** Frames of RAM; 4096 unless given. */
  frames: "count?",
  faultMode: "faultMode?",
  anonymousReclaim: "anonymousReclaim?",
  placement: "placement?",
  /** Of all chance; 1 unless given. */
  seed: "count?",
  /** Ids of quirks to have. */
  quirks: "texts?",
} as const;

export type Header = FieldsOf<typeof HEADER_FIELDS>;
