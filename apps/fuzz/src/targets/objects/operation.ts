import type { Status } from "@aspace/arch";
import type { Clone } from "./model/children.ts";
import type { LockCall } from "./model/discarding.ts";
import type { HintKind } from "./model/hint.ts";
import type { Stored } from "./model/pager-calls.ts";

/**
 * A fuzz input as data: what the decoder makes of bytes, what the executor runs, what a finding's trace
 * stores. Objects, pins, splice lists and waiting operations are named by slots of small tables.
 */

export const OBJECT_SLOTS = 12;
/** As many as a page can have pins, and one more. */
export const PIN_SLOTS = 32;
export const LIST_SLOTS = 4;
export const ACTOR_SLOTS = 8;
export const PAGERS = 2;

export const ObjectType = {
  ANONYMOUS: "anonymous",
  DISCARDABLE: "discardable",
  CONTIGUOUS: "contiguous",
  ALWAYS_PINNED: "always-pinned",
  PAGER: "pager",
  TRAPPING_PAGER: "trapping-pager",
} as const;
export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType];

export const Sizing = { FIXED: "fixed", RESIZABLE: "resizable" } as const;
export type Sizing = (typeof Sizing)[keyof typeof Sizing];

/** Whether allocations for an object may be told to wait. */
export const Patience = { WAITS: "waits", NEVER_WAITS: "never-waits" } as const;
export type Patience = (typeof Patience)[keyof typeof Patience];

/** An object to make. */
export interface Creation {
  readonly type: ObjectType;
  readonly pages: number;
  readonly sizing: Sizing;
  readonly patience: Patience;
  readonly pager: number;
}

export const Mappings = { ON_REQUEST: "on-request", ALWAYS: "always" } as const;
export type Mappings = (typeof Mappings)[keyof typeof Mappings];

/** What a pager does with the packet that it reads. */
export const Answer = {
  SUPPLY: "supply",
  SUPPLY_ZERO: "supply-zero",
  DIRTY: "dirty",
  FAIL: "fail",
  IGNORE: "ignore",
} as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/** How a waiting operation is ended from outside. */
export const Interruption = { TIME_OUT: "time-out", KILL: "kill" } as const;
export type Interruption = (typeof Interruption)[keyof typeof Interruption];

export const Access = { READ: "read", WRITE: "write" } as const;
export type Access = (typeof Access)[keyof typeof Access];

/** Which content a fresh splice list has, position by position. */
export const SupplyPattern = { PAGES: "pages", ZEROES: "zeroes", MIXED: "mixed" } as const;
export type SupplyPattern = (typeof SupplyPattern)[keyof typeof SupplyPattern];

/** An argument that cannot be right. */
export const Misuse = {
  OFFSET_WRAPS: "offset-wraps",
  LENGTH_WRAPS: "length-wraps",
  HUGE_SIZE: "huge-size",
  UNALIGNED: "unaligned",
} as const;
export type Misuse = (typeof Misuse)[keyof typeof Misuse];

interface OnObject {
  readonly object: number;
}

interface OnBytes extends OnObject {
  /** Bytes; where they lie in a page, see `STRETCH_STARTS`. */
  readonly offset: number;
  readonly length: number;
}

interface OnPages extends OnObject {
  readonly page: number;
  readonly count: number;
}

interface Making extends OnObject {
  /** Slot of the new object, or the next free one. */
  readonly to: number;
}

type Kind<K extends string, Operands> = { readonly kind: K } & Operands;

export type Operation =
  | Kind<"create", Creation & { readonly to: number }>
  | Kind<"clone", Making & OnPages & { readonly clone: Clone; readonly sizing: Sizing }>
  | Kind<"slice", Making & OnPages>
  | Kind<"reference", Making & { readonly sizing: Sizing }>
  | Kind<"drop", OnObject>
  | Kind<"read" | "write" | "commit" | "decommit" | "zero", OnBytes>
  | Kind<"resize", OnObject & { readonly pages: number }>
  | Kind<"setSize", OnObject & { readonly bytes: number }>
  | Kind<"pin", OnPages & { readonly access: Access; readonly to: number }>
  | Kind<"unpin", { readonly pin: number }>
  | Kind<"lookup" | "lookupContiguous", OnPages>
  | Kind<"take", OnPages & { readonly to: number }>
  | Kind<"supply", OnPages & { readonly pattern: SupplyPattern }>
  | Kind<"supplyList", OnObject & { readonly page: number; readonly list: number }>
  | Kind<"fail", OnPages & { readonly failure: Status }>
  | Kind<"dirty" | "enumerateDirty" | "writebackEnd", OnPages>
  | Kind<"writebackBegin", OnPages & { readonly stored: Stored }>
  | Kind<"detach", OnObject>
  | Kind<"serve", { readonly pager: number; readonly answer: Answer; readonly count: number }>
  | Kind<"closePager", { readonly pager: number }>
  | Kind<"hint", OnBytes & { readonly hint: HintKind }>
  | Kind<"lock", OnObject & { readonly call: LockCall }>
  | Kind<"discard", OnObject>
  | Kind<"setCachePolicy", OnObject & { readonly policy: number }>
  | Kind<"evict", OnObject & { readonly page: number; readonly hints: "follow" | "ignore" }>
  | Kind<"beginCompression" | "dedup", OnObject & { readonly page: number }>
  | Kind<"finishCompression", { readonly result: "fits" | "does-not-fit" }>
  | Kind<"scan", { readonly pages: number; readonly minAge: number }>
  /** A mapping of the object that keeps the translations it is given. */
  | Kind<"map" | "unmap", OnObject>
  | Kind<"fault", OnPages & { readonly access: Access }>
  | Kind<"prioritize", OnObject & { readonly level: "high" | "normal" }>
  | Kind<"commitHighPriority", OnPages>
  | Kind<"takeModified", OnObject>
  /** Low memory begins, or ends. */
  | Kind<"memory", { readonly level: "low" | "plenty" }>
  /** The n-th attempt of the next operation to get memory fails, or is told to wait. */
  | Kind<"failAllocation" | "delayAllocation", { readonly nth: number }>
  /** One of the operations whose wait has ended goes on. */
  | Kind<"resume", { readonly actor: number }>
  | Kind<"interrupt", { readonly actor: number; readonly how: Interruption }>
  | Kind<"misuse", OnObject & { readonly misuse: Misuse }>;

export type OperationKind = Operation["kind"];

export type OperationOf<K extends OperationKind> = Extract<Operation, { readonly kind: K }>;

/** The world a program runs in, and its operations. */
export interface Program {
  /** Frames of RAM for objects. */
  readonly frames: number;
  /** Whether pages without a pager age and are compressed. */
  readonly anonymousReclaim: "off" | "on";
  /** Whether objects are mapped when an operation says so, or all of them, with all that can be shown shown at all times. */
  readonly mappings: Mappings;
  /** What the first slots hold at the start. */
  readonly objects: readonly Creation[];
  /** The whole world is looked at after every `checkEvery` operations, and at the end. */
  readonly checkEvery: number;
  readonly operations: readonly Operation[];
}
