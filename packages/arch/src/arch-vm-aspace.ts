import type { MmuFlagSet } from "./mmu-flags.ts";
import type { Status } from "./status.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Pfn, Vpn } from "./units.ts";

/** Whose addresses a set of tables translates. */
export const AspaceKind = { USER: "user", KERNEL: "kernel", GUEST: "guest" } as const;
export type AspaceKind = (typeof AspaceKind)[keyof typeof AspaceKind];

/** What `map` does with a page that is mapped already. */
export const ExistingEntry = {
  /** Stop with ALREADY_EXISTS; nothing changes. */
  ERROR: "error",
  /** Keep the old entry and go on. */
  SKIP: "skip",
  /** Replace it, unless it maps the same frame and the request is read-only. */
  UPGRADE: "upgrade",
} as const;
export type ExistingEntry = (typeof ExistingEntry)[keyof typeof ExistingEntry];

/** Whether an edit may touch pages outside its range when it has to split a large leaf. */
export const Enlarge = {
  /** Never, not even for an instant. */
  NO: "no",
  /** They may be unmapped for a moment, or for good when the split has no memory. */
  YES: "yes",
} as const;
export type Enlarge = (typeof Enlarge)[keyof typeof Enlarge];

/** What `harvestAccessed` does with the accessed bit of a leaf it reports. */
export const TerminalAction = {
  /** Report it and leave it set. */
  UPDATE_AGE: "update-age",
  /** Report it, clear it and invalidate, so that the next touch is seen. */
  UPDATE_AGE_AND_HARVEST: "update-age-and-harvest",
} as const;
export type TerminalAction = (typeof TerminalAction)[keyof typeof TerminalAction];

/** What `harvestAccessed` does with tables. */
export const NonTerminalAction = {
  /** Tables and their accessed marks stay. */
  RETAIN: "retain",
  /** An unaccessed table is unmapped in range and freed if empty; an accessed one loses its mark. */
  FREE_UNACCESSED: "free-unaccessed",
} as const;
export type NonTerminalAction = (typeof NonTerminalAction)[keyof typeof NonTerminalAction];

/** What `accessedSinceLastCheck` leaves behind. */
export const AccessedCheck = { PEEK: "peek", CLEAR: "clear" } as const;
export type AccessedCheck = (typeof AccessedCheck)[keyof typeof AccessedCheck];

/** Where `query` puts its answer; reused by the caller, so that a query allocates nothing. */
export interface QueryResult {
  pfn: Pfn;
  flags: MmuFlagSet;
  /** log2 byte size of the leaf that maps the page, or of the entry that is absent: nothing else it covers is mapped either. */
  leafShift: number;
}

/**
 * One set of page tables: the seam between the kernel's address spaces and an architecture.
 *
 * The tables are a cache of what the layer above knows. A user or guest backend may drop a mapping
 * at any time, because a later fault rebuilds it; it may never invent, widen or retarget one.
 * Kernel mappings may not be dropped, not even for an instant: nobody handles a kernel fault. The one
 * exception is asked for: an upgrade to another frame or cache policy breaks before it makes.
 *
 * Every operation that takes a range checks, in this order and before any state changes:
 *
 * 1. the whole range [vpn, vpn + count) lies inside the aspace, else OUT_OF_RANGE;
 * 2. flags are legal (READ set, INVALID and unknown bits clear), else INVALID_ARGS;
 * 3. every frame is below 2^(physBits - 12), else INVALID_ARGS;
 * 4. count 0 is OK and does nothing.
 *
 * When an operation returns, successful or not, no CPU can use a translation that the tables no
 * longer contain, and every table frame it unlinked has been freed after that.
 */
export interface ArchVmAspace {
  readonly kind: AspaceKind;
  readonly capabilities: Capabilities;
  /** First page of the range this aspace may map, and its length in pages. */
  readonly baseVpn: Vpn;
  readonly pageCount: number;
  /** Opaque identity of the tables: the frame of the root, or NO_FRAME before `init`. */
  readonly rootPfn: Pfn;

  /**
   * Builds the empty tables. OK; NO_MEMORY when a table cannot be allocated; NO_RESOURCES when no
   * address-space tag (PCID, ASID, VMID) is left. After a failure nothing is held.
   */
  init(): Status;

  /**
   * Frees root and tag. Legal after a failed or missing `init` and twice in a row. Panics when a
   * mapping is left (P-L4), while a CPU has the aspace active, and on the kernel aspace.
   */
  destroy(): void;

  /** From now on edits panic (P-L5). Panics unless the aspace is empty. Queries keep working. */
  disableUpdates(): void;

  /**
   * Maps `count` base pages from `vpn` to `pfns[0..count)`, always as base pages.
   * OUT_OF_RANGE, INVALID_ARGS, ALREADY_EXISTS (action `error`; or a large leaf in the way of an
   * upgrade in a kernel aspace), NO_MEMORY. A failed map leaves tables and TLBs as they were.
   */
  map(
    vpn: Vpn,
    pfns: ArrayLike<Pfn>,
    count: number,
    flags: MmuFlagSet,
    action: ExistingEntry,
  ): Status;

  /**
   * Maps `count` pages to consecutive frames from `pfn`, at each step with the largest leaf that
   * both addresses are aligned to, the rest covers and an empty slot takes.
   * OUT_OF_RANGE, INVALID_ARGS, ALREADY_EXISTS, NO_MEMORY; a failure changes nothing.
   */
  mapContiguous(vpn: Vpn, pfn: Pfn, count: number, flags: MmuFlagSet): Status;

  /**
   * Removes every mapping in range, ignores holes, frees tables that become empty. A large leaf
   * partly in range is split. OUT_OF_RANGE; with Enlarge.NO also NOT_SUPPORTED (the split would need
   * break-before-make), then NO_MEMORY, both with nothing changed. Enlarge.YES in range is always OK:
   * without memory for a split the whole leaf goes.
   */
  unmap(vpn: Vpn, count: number, enlarge: Enlarge): Status;

  /**
   * Gives every mapped page in range the permissions of `flags`; holes stay holes; frame and cache
   * policy stay (another cache policy is the caller's bug: it panics, in mid-edit, P-P1). OUT_OF_RANGE, INVALID_ARGS,
   * NOT_SUPPORTED (Enlarge.NO and a split would need break-before-make), NO_MEMORY (split); a
   * failure changes nothing. Where `protectIsUnmap`, removes the range instead.
   */
  protect(vpn: Vpn, count: number, flags: MmuFlagSet, enlarge: Enlarge): Status;

  /**
   * Reads what the tables say about one page, without touching TLBs or accessed bits: OK with `out`
   * filled (the exact page inside a large leaf), NOT_FOUND with only `leafShift` filled, OUT_OF_RANGE.
   */
  query(vpn: Vpn, out: QueryResult): Status;

  /**
   * Reports each accessed base page in range whose frame has a page record to the page queues, once.
   * Large leaves are left alone. OUT_OF_RANGE; NOT_SUPPORTED for FREE_UNACCESSED in a kernel aspace.
   */
  harvestAccessed(
    vpn: Vpn,
    count: number,
    nonTerminal: NonTerminalAction,
    terminal: TerminalAction,
  ): Status;

  /** Sets the accessed bit of mapped base pages in range, holes ignored. OUT_OF_RANGE; NOT_SUPPORTED where hardware does it. */
  markAccessed(vpn: Vpn, count: number): Status;

  /**
   * Whether a CPU switched to the aspace, or it was edited, since the last clearing call. `CLEAR`
   * resets the answer to "a CPU is active on it right now".
   */
  accessedSinceLastCheck(check: AccessedCheck): boolean;

  /** First page of the next leaf table: fault-ahead that stops here costs no extra table. */
  nextUserPageTableVpn(vpn: Vpn): Vpn;

  /** Where to place a mapping that wants to be at `vpn`: on every architecture, there. */
  pickSpot(vpn: Vpn): Vpn;

  /** Live table frames: root, prebuilt and others. */
  tablePages(): number;

  /** Recounts everything from scratch and panics with the rule that does not hold (P-R1..P-R4). */
  validate(): void;
}
