import type {
  Access,
  AccessedCheck,
  AspaceKind,
  CpuId,
  Enlarge,
  ExistingEntry,
  MmuFlagSet,
  NonTerminalAction,
  Pfn,
  TerminalAction,
} from "@aspace/arch";

/**
 * A fuzz input as data: what the decoder makes of bytes, what the executor runs, what a finding's
 * trace stores. Nothing in it depends on the architecture: pages are counted from the base of an
 * aspace, frames are plain frame numbers.
 */

/** Index into a program's aspaces. */
export type AspaceSlot = number;

/** A run of pages in an aspace, `page` counted from its base. May lie outside it on purpose. */
interface Range {
  readonly aspace: AspaceSlot;
  readonly page: number;
  readonly count: number;
}

/** How `map` chooses its frames: consecutive from `pfn`, or all the same one. */
export const FramePattern = { CONSECUTIVE: "consecutive", SAME: "same" } as const;
export type FramePattern = (typeof FramePattern)[keyof typeof FramePattern];

/** Which argument of a `misuse` is wrong. */
export const Misuse = {
  NO_READ: "no-read",
  INVALID_FLAG: "invalid-flag",
  UNKNOWN_FLAG: "unknown-flag",
  BELOW_BASE: "below-base",
  ACROSS_END: "across-end",
  WRAPPED: "wrapped",
  BAD_FRAME: "bad-frame",
  LAST_BAD_FRAME: "last-bad-frame",
} as const;
export type Misuse = (typeof Misuse)[keyof typeof Misuse];

export type Operation =
  | (Range & {
      readonly kind: "map";
      readonly pfn: Pfn;
      readonly pattern: FramePattern;
      readonly flags: MmuFlagSet;
      readonly action: ExistingEntry;
    })
  | (Range & { readonly kind: "mapContiguous"; readonly pfn: Pfn; readonly flags: MmuFlagSet })
  | (Range & { readonly kind: "unmap"; readonly enlarge: Enlarge })
  /** Changes permissions only: each stretch of one cache policy is protected with that policy. */
  | (Range & {
      readonly kind: "protect";
      readonly permissions: MmuFlagSet;
      readonly enlarge: Enlarge;
    })
  | (Range & {
      readonly kind: "harvest";
      readonly nonTerminal: NonTerminalAction;
      readonly terminal: TerminalAction;
    })
  | (Range & { readonly kind: "markAccessed" })
  /** A call with one wrong argument, which must change nothing. */
  | (Range & { readonly kind: "misuse"; readonly misuse: Misuse })
  /** One load, store or fetch of a word, in whatever aspace the CPU is. */
  | {
      readonly kind: "access";
      readonly cpu: CpuId;
      readonly aspace: AspaceSlot;
      readonly page: number;
      readonly access: Access;
    }
  /** The CPU's prefetcher runs ahead to a page. */
  | {
      readonly kind: "prefetch";
      readonly cpu: CpuId;
      readonly aspace: AspaceSlot;
      readonly page: number;
    }
  /** The CPU goes to an aspace; slot -1 is the kernel alone. */
  | { readonly kind: "switch"; readonly cpu: CpuId; readonly aspace: AspaceSlot }
  /** The n-th allocation from here fails; 0 means every allocation of the next operation. */
  | { readonly kind: "failAllocation"; readonly nth: number }
  /** Unmaps everything, destroys the aspace and makes a new one in the slot. */
  | { readonly kind: "recreate"; readonly aspace: AspaceSlot }
  | {
      readonly kind: "accessedSinceLastCheck";
      readonly aspace: AspaceSlot;
      readonly check: AccessedCheck;
    }
  /** During the next operation, whenever tables change hands, this CPU touches this page. */
  | {
      readonly kind: "interlude";
      readonly cpu: CpuId;
      readonly aspace: AspaceSlot;
      readonly page: number;
      readonly access: Access;
    };

export type OperationKind = Operation["kind"];

/** The world a program runs in, and its operations. */
export interface Program {
  readonly cpus: number;
  /** Frames that tables may take: small budgets make allocation fail on their own. */
  readonly tableFrames: number;
  /** What each slot holds. Slot kinds repeat; there is one kernel aspace at most. */
  readonly aspaces: readonly AspaceKind[];
  /** Whole-world checks run after every `checkEvery` operations, and at the end. */
  readonly checkEvery: number;
  readonly operations: readonly Operation[];
}
