/**
 * Page tables for tests of mappings: one flat map from page to entry, with `ArchVmAspace`'s contract and nothing
 * of an architecture. Calls are written down as lines, and edits can be made to fail.
 */
import {
  AspaceKind,
  Enlarge,
  ExistingEntry,
  KernelPanic,
  MmuFlags,
  NonTerminalAction,
  Status,
  TerminalAction,
  areMappableFlags,
  formatFlags,
  type AccessedCheck,
  type ArchVmAspace,
  type Capabilities,
  type MmuFlagSet,
  type Pfn,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";

/** A kind of machine, as far as a test cares. */
export interface FlatTablesOptions {
  readonly kind?: AspaceKind;
  readonly baseVpn?: Vpn;
  readonly pageCount?: number;
  /** As guests on arm64 have it. */
  readonly protectIsUnmap?: boolean;
}

export interface FlatEntry {
  readonly pfn: Pfn;
  readonly flags: MmuFlagSet;
  accessed: boolean;
}

const HOLE_SHIFTS: readonly number[] = [60, 48, 39, 30, 21, 16];

export class FlatTables implements ArchVmAspace {
  readonly kind: AspaceKind;
  readonly capabilities: Capabilities;
  readonly baseVpn: Vpn;
  readonly pageCount: number;
  readonly rootPfn: Pfn = 1;
  readonly entries: Map<Vpn, FlatEntry> = new Map();
  /** Edits and harvests, like `unmap 16+4 yes`. */
  calls: string[] = [];
  /** What the next edits of a kind answer instead of being done, in order. */
  readonly refusals: Map<"map" | "unmap" | "protect", Status[]> = new Map();
  isActive = false;
  isDestroyed = false;
  updatesDisabled = false;
  /** Called before each edit. */
  onEdit: () => void = () => {};
  private wasActive = false;

  constructor(options: FlatTablesOptions = {}) {
    this.kind = options.kind ?? AspaceKind.USER;
    this.baseVpn = options.baseVpn ?? 0x200;
    this.pageCount = options.pageCount ?? 0x1_0000;
    this.capabilities = capabilities(this.kind, options.protectIsUnmap === true);
  }

  init(): Status {
    return Status.OK;
  }

  destroy(): void {
    if (this.entries.size > 0) throw new KernelPanic("P-L4", "destroy with a live mapping");
    this.isDestroyed = true;
  }

  disableUpdates(): void {
    if (this.entries.size > 0) throw new KernelPanic("P-L5", "updates disabled while mapped");
    this.updatesDisabled = true;
  }

  map(
    vpn: Vpn,
    pfns: ArrayLike<Pfn>,
    count: number,
    flags: MmuFlagSet,
    action: ExistingEntry,
  ): Status {
    this.note(`map ${vpn}+${count} ${formatFlags(flags)} ${action}`);
    if (!this.contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    const refused = this.refused("map");
    if (refused !== null) return refused;
    const isFull = (page: number): boolean => this.entries.has(page);
    const pages = Array.from({ length: count }, (_, i) => vpn + i);
    if (action === ExistingEntry.ERROR && pages.some(isFull)) return Status.ALREADY_EXISTS;
    for (const [i, page] of pages.entries()) this.place(page, pfns[i]!, flags, action);
    return Status.OK;
  }

  mapContiguous(): Status {
    throw new Error("mappings never map large leaves");
  }

  unmap(vpn: Vpn, count: number, enlarge: Enlarge): Status {
    this.note(`unmap ${vpn}+${count} ${enlarge}`);
    if (!this.contains(vpn, count)) return Status.OUT_OF_RANGE;
    const refused = this.refused("unmap");
    if (refused !== null) return refused;
    for (const page of this.mappedIn(vpn, count)) this.entries.delete(page);
    return Status.OK;
  }

  protect(vpn: Vpn, count: number, flags: MmuFlagSet, enlarge: Enlarge): Status {
    this.note(`protect ${vpn}+${count} ${formatFlags(flags)} ${enlarge}`);
    if (!this.contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    const refused = this.refused("protect");
    if (refused !== null) return refused;
    for (const page of this.mappedIn(vpn, count)) {
      const entry = this.entries.get(page)!;
      if (((entry.flags ^ flags) & MmuFlags.CACHE_MASK) !== 0) {
        throw new KernelPanic("P-P1", "protect changes the cache policy");
      }
      if (this.capabilities.protectIsUnmap) this.entries.delete(page);
      else this.entries.set(page, { ...entry, flags });
    }
    return Status.OK;
  }

  query(vpn: Vpn, out: QueryResult): Status {
    if (!this.contains(vpn, 1)) return Status.OUT_OF_RANGE;
    const entry = this.entries.get(vpn);
    out.leafShift = entry === undefined ? this.holeShift(vpn) : 12;
    if (entry === undefined) return Status.NOT_FOUND;
    out.pfn = entry.pfn;
    out.flags = entry.flags;
    return Status.OK;
  }

  harvestAccessed(
    vpn: Vpn,
    count: number,
    nonTerminal: NonTerminalAction,
    terminal: TerminalAction,
  ): Status {
    this.note(`harvest ${vpn}+${count} ${nonTerminal} ${terminal}`);
    return Status.OK;
  }

  markAccessed(vpn: Vpn, count: number): Status {
    this.note(`mark ${vpn}+${count}`);
    if (!this.contains(vpn, count)) return Status.OUT_OF_RANGE;
    for (const page of this.mappedIn(vpn, count)) this.entries.get(page)!.accessed = true;
    return Status.OK;
  }

  accessedSinceLastCheck(check: AccessedCheck): boolean {
    const answer = this.wasActive || this.isActive;
    if (check === "clear") this.wasActive = false;
    return answer;
  }

  /** A CPU was here. */
  touch(): void {
    this.wasActive = true;
  }

  nextUserPageTableVpn(vpn: Vpn): Vpn {
    return (Math.floor(vpn / 512) + 1) * 512;
  }

  pickSpot(vpn: Vpn): Vpn {
    return vpn;
  }

  tablePages(): number {
    return 1;
  }

  validate(): void {}

  /** The entries of a range, a letter a page: `-` none, `r` read-only, `w` writable, `x` executable. */
  draw(vpn: Vpn, count: number): string {
    return Array.from({ length: count }, (_, i) => {
      const entry = this.entries.get(vpn + i);
      if (entry === undefined) return "-";
      if ((entry.flags & MmuFlags.WRITE) !== 0) return "w";
      return (entry.flags & MmuFlags.EXECUTE) !== 0 ? "x" : "r";
    }).join("");
  }

  /** The calls since the last time. */
  takeCalls(): string[] {
    const { calls } = this;
    this.calls = [];
    return calls;
  }

  private place(page: Vpn, pfn: Pfn, flags: MmuFlagSet, action: ExistingEntry): void {
    const old = this.entries.get(page);
    if (old !== undefined && action === ExistingEntry.SKIP) return;
    const isSame = old?.pfn === pfn && (flags & MmuFlags.WRITE) === 0;
    if (isSame) return;
    this.entries.set(page, { pfn, flags, accessed: false });
  }

  private note(call: string): void {
    if (this.updatesDisabled) throw new KernelPanic("P-L5", "edit after disableUpdates");
    this.calls.push(call);
    this.onEdit();
  }

  private refused(edit: "map" | "unmap" | "protect"): Status | null {
    const status = this.refusals.get(edit)?.shift() ?? Status.OK;
    return status === Status.OK ? null : status;
  }

  private contains(vpn: Vpn, count: number): boolean {
    return vpn >= this.baseVpn && vpn + count <= this.baseVpn + this.pageCount;
  }

  /** log2 of the bytes that an absent entry at this page covers: as large as can be, so that walks are short. */
  private holeShift(vpn: Vpn): number {
    const isHole = (shift: number): boolean => {
      const span = 2 ** (shift - 12);
      return this.mappedIn(Math.floor(vpn / span) * span, span).length === 0;
    };
    return HOLE_SHIFTS.find(isHole) ?? 12;
  }

  private mappedIn(vpn: Vpn, count: number): Vpn[] {
    return [...this.entries.keys()].filter((page) => page >= vpn && page < vpn + count);
  }
}

function capabilities(kind: AspaceKind, protectIsUnmap: boolean): Capabilities {
  return {
    leafShifts: [12],
    physBits: 48,
    indexBits: 9,
    accessedBit: true,
    hwAccessed: false,
    markAccessedSupported: true,
    nonTerminalAccessed: "software",
    cachesInvalid: false,
    splitNeedsBbm: false,
    unmapOnlyEnlargeOnOom: true,
    protectIsUnmap,
    faultTellsPresent: true,
    distinguishesUser: kind !== AspaceKind.GUEST,
    prebuiltTables: 0,
    normalizeFlags: (flags) => flags,
  };
}
