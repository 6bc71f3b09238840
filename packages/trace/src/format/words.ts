/**
 * The words of the format: where a field or a list takes one of a few, these are they. Most are the words that the packages
 * below use for the same things.
 */

/** A field takes exactly one. */
export const CHOICES = {
  statusName: [
    "OK",
    "NOT_SUPPORTED",
    "NO_RESOURCES",
    "NO_MEMORY",
    "INVALID_ARGS",
    "OUT_OF_RANGE",
    "BUFFER_TOO_SMALL",
    "BAD_STATE",
    "TIMED_OUT",
    "SHOULD_WAIT",
    "CANCELED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "UNAVAILABLE",
    "ACCESS_DENIED",
    "IO",
    "IO_DATA_INTEGRITY",
    "NO_SPACE",
  ],
  waitingFor: ["READ", "DIRTY", "MEMORY"],
  packetType: ["READ", "DIRTY", "COMPLETE"],
  access: ["read", "write"],
  cpuAccess: ["read", "write", "fetch"],
  cpuMode: ["user", "kernel", "copy"],
  cloneKind: ["snapshot", "snapshot-at-least-on-write", "snapshot-modified"],
  hint: ["always-need", "dont-need"],
  cachePolicy: ["cached", "uncached", "uncached-device", "write-combining"],
  writebackKind: ["pages", "zeroes"],
  hintAction: ["follow", "ignore"],
  allocation: ["memory", "tables", "compressions"],
  aspaceKind: ["user", "guest"],
  priority: ["default", "high"],
  existingEntry: ["error", "skip", "upgrade"],
  tableAction: ["retain", "free-unaccessed"],
  pageAction: ["update-age", "update-age-and-harvest"],
  rangeOperation: ["commit", "decommit", "map-range", "prefetch", "always-need", "dont-need"],
  callOperation: ["commit", "decommit", "map-range", "always-need", "dont-need"],
  faultMode: ["upgrade", "legacy"],
  anonymousReclaim: ["off", "on"],
  placement: ["first-fit", "aslr"],
} as const;

/** A field takes any number of them, each once. */
export const WORD_LISTS = {
  mmuFlags: [
    "user",
    "read",
    "write",
    "execute",
    "uncached",
    "uncached-device",
    "write-combining",
    "non-secure",
  ],
  /** What a CPU says about an access that it refused: at least whether something is there. */
  cpuFault: ["write", "user", "instruction", "present", "not-present", "access", "fatal"],
  /** What the fault handler is told. */
  faultFlags: [
    "write",
    "user",
    "guest",
    "instruction",
    "not-present",
    "hardware",
    "software",
    "access",
  ],
  rights: ["map", "read", "write", "execute", "op-children"],
  /** Of the calls on regions, as their options have them. */
  vmarOptions: [
    "perm-read",
    "perm-write",
    "perm-execute",
    "compact",
    "specific",
    "specific-overwrite",
    "can-map-specific",
    "can-map-read",
    "can-map-write",
    "can-map-execute",
    "map-range",
    "require-non-resizable",
    "allow-faults",
    "offset-is-upper-limit",
    "perm-read-if-xom-unsupported",
  ],
  /** Of regions themselves, below the calls. */
  vmarFlags: [
    "compact",
    "specific",
    "specific-overwrite",
    "can-map-specific",
    "can-map-read",
    "can-map-write",
    "can-map-execute",
    "require-non-resizable",
    "allow-faults",
    "offset-is-upper-limit",
    "debug-dynamic-kernel-mapping",
  ],
} as const;

export type Choice<K extends keyof typeof CHOICES> = (typeof CHOICES)[K][number];
export type Words<K extends keyof typeof WORD_LISTS> = readonly (typeof WORD_LISTS)[K][number][];
