import {
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  KernelPanic,
  NO_FRAME,
  NonTerminalAction,
  PAGE_SHIFT,
  Status,
  TerminalAction,
  areMappableFlags,
  type ArchVmAspace,
  type Capabilities,
  type Hardware,
  type MmuFlagSet,
  type Pfn,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import type { AddressSpaceTag } from "./address-space-tag.ts";
import type { EntryFormat } from "./entry-format.ts";
import { harvestRange, markRange } from "./harvest.ts";
import { mapInLastTable, mapPages, type MapRequest } from "./map.ts";
import { mapRange } from "./map-contiguous.ts";
import { protectPages } from "./protect.ts";
import type { EngineQuirks } from "./quirks.ts";
import { TableTree, type RootCopy } from "./table-tree.ts";
import { unmapPages } from "./unmap.ts";
import { validateTree } from "./validate.ts";

export interface PageTableOptions {
  readonly kind: AspaceKind;
  readonly format: EntryFormat;
  readonly baseVpn: Vpn;
  readonly pageCount: number;
  readonly hardware: Hardware;
  readonly tag: AddressSpaceTag;
  readonly quirks: EngineQuirks;
  readonly rootCopy: RootCopy | null;
}

const NO_PFNS: readonly Pfn[] = [];

/**
 * `ArchVmAspace` over a `TableTree`: checks arguments in the contract's order, holds the aspace's
 * lock from the first edit until the invalidation is done, and leaves the edits to one file a verb.
 */
export class PageTable implements ArchVmAspace {
  readonly kind: AspaceKind;
  readonly capabilities: Capabilities;
  readonly baseVpn: Vpn;
  readonly pageCount: number;
  /** What CPUs know this aspace by. */
  readonly tag: AddressSpaceTag;

  readonly #endVpn: Vpn;
  readonly #pfnLimit: Pfn;
  readonly #smallPfnLimit: Pfn;
  readonly #tree: TableTree;
  readonly #quirks: EngineQuirks;
  readonly #request: MapRequest;
  /** Invariant: true exactly while an operation runs, invalidation included. */
  #locked = false;
  #updatesDisabled = false;
  #accessed = false;

  constructor(options: PageTableOptions) {
    const { kind, format, baseVpn, pageCount, hardware, tag, quirks, rootCopy } = options;
    this.kind = kind;
    this.capabilities = format.capabilities;
    this.baseVpn = baseVpn;
    this.pageCount = pageCount;
    this.tag = tag;
    this.#endVpn = baseVpn + pageCount;
    this.#pfnLimit = 2 ** (format.capabilities.physBits - PAGE_SHIFT);
    this.#smallPfnLimit = Math.min(this.#pfnLimit, 1 << 30);
    this.#tree = new TableTree(format, hardware, tag, rootCopy);
    this.#quirks = quirks;
    this.#request = {
      kind,
      vpn: 0,
      pfns: NO_PFNS,
      count: 0,
      flags: 0,
      action: ExistingEntry.ERROR,
    };
  }

  get rootPfn(): Pfn {
    return this.#tree.root;
  }

  init(): Status {
    if (this.#tree.root !== NO_FRAME) throw new KernelPanic("P-L1", "init of a live aspace");
    const status = this.tag.acquire();
    if (status !== Status.OK) return status;
    const built = this.#tree.build();
    this.#updatesDisabled = false;
    this.#accessed = false;
    if (built !== Status.OK) this.tag.release();
    return built;
  }

  destroy(): void {
    if (this.#tree.root === NO_FRAME) return;
    if (this.kind === AspaceKind.KERNEL) {
      throw new KernelPanic("P-L4", "the kernel aspace is never destroyed");
    }
    if (!this.#tree.isEmpty()) throw new KernelPanic("P-L4", "destroy with a live mapping");
    if (this.tag.isActive()) throw new KernelPanic("P-L4", "destroy of an aspace a CPU runs in");
    this.#lock();
    this.tag.release();
    this.#tree.dismantle();
    this.#locked = false;
  }

  disableUpdates(): void {
    if (!this.#tree.isEmpty()) throw new KernelPanic("P-L5", "updates disabled while mapped");
    this.#updatesDisabled = true;
  }

  map(
    vpn: Vpn,
    pfns: ArrayLike<Pfn>,
    count: number,
    flags: MmuFlagSet,
    action: ExistingEntry,
  ): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    if (!this.#areMappableFrames(pfns, count)) return Status.INVALID_ARGS;
    if (count === 0) return Status.OK;
    this.#beginEdit();
    if (count === 1 && mapInLastTable(this.#tree, vpn, pfns[0]!, flags)) {
      return this.#endEdit(Status.OK);
    }
    const request = this.#request;
    request.vpn = vpn;
    request.pfns = pfns;
    request.count = count;
    request.flags = flags;
    request.action = action;
    return this.#endEdit(mapPages(this.#tree, this.#quirks, request));
  }

  mapContiguous(vpn: Vpn, pfn: Pfn, count: number, flags: MmuFlagSet): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    if (!(pfn >= 0 && pfn + count <= this.#pfnLimit)) return Status.INVALID_ARGS;
    if (count === 0) return Status.OK;
    this.#beginEdit();
    return this.#endEdit(mapRange(this.#tree, vpn, pfn, count, flags));
  }

  unmap(vpn: Vpn, count: number, enlarge: Enlarge): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (count === 0) return Status.OK;
    this.#beginEdit();
    return this.#endEdit(unmapPages(this.#tree, this.#quirks, vpn, count, enlarge));
  }

  protect(vpn: Vpn, count: number, flags: MmuFlagSet, enlarge: Enlarge): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (!areMappableFlags(flags)) return Status.INVALID_ARGS;
    if (count === 0) return Status.OK;
    this.#beginEdit();
    return this.#endEdit(
      this.capabilities.protectIsUnmap
        ? unmapPages(this.#tree, this.#quirks, vpn, count, Enlarge.YES)
        : protectPages(this.#tree, this.#quirks, vpn, count, flags, enlarge),
    );
  }

  query(vpn: Vpn, out: QueryResult): Status {
    if (!this.#contains(vpn, 1)) return Status.OUT_OF_RANGE;
    this.#requireLive();
    const tree = this.#tree;
    const { codec } = tree;
    const slot = tree.locate(vpn);
    const level = tree.locatedLevel;
    out.leafShift = PAGE_SHIFT + level * codec.indexBits;
    if (slot < 0) return Status.NOT_FOUND;
    const lo = tree.words[slot]!;
    const hi = tree.words[slot + 1]!;
    out.pfn = codec.leafPfn(lo, hi, level) + (level === 0 ? 0 : vpn % codec.span[level]!);
    out.flags = codec.format.leafFlags(lo, hi, level);
    return Status.OK;
  }

  harvestAccessed(
    vpn: Vpn,
    count: number,
    nonTerminal: NonTerminalAction,
    terminal: TerminalAction,
  ): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (count === 0) return Status.OK;
    if (this.kind === AspaceKind.KERNEL && nonTerminal === NonTerminalAction.FREE_UNACCESSED) {
      return Status.NOT_SUPPORTED;
    }
    if (!this.capabilities.accessedBit) return Status.OK;
    this.#requireLive();
    this.#lock();
    harvestRange(this.#tree, this.#quirks, vpn, vpn + count, nonTerminal, terminal);
    this.#tree.drain();
    this.#locked = false;
    return Status.OK;
  }

  markAccessed(vpn: Vpn, count: number): Status {
    if (!this.#contains(vpn, count)) return Status.OUT_OF_RANGE;
    if (count === 0) return Status.OK;
    if (!this.capabilities.markAccessedSupported) return Status.NOT_SUPPORTED;
    this.#requireLive();
    this.#lock();
    markRange(this.#tree, vpn, vpn + count);
    this.#locked = false;
    this.#accessed = true;
    return Status.OK;
  }

  accessedSinceLastCheck(check: AccessedCheck): boolean {
    const accessed = this.#accessed;
    if (check === AccessedCheck.CLEAR) this.#accessed = this.tag.isActive();
    return accessed;
  }

  /** A CPU switched to this aspace. */
  noteActive(): void {
    this.#accessed = true;
  }

  nextUserPageTableVpn(vpn: Vpn): Vpn {
    const pages = this.#tree.leafTablePages;
    return vpn - (vpn % pages) + pages;
  }

  pickSpot(vpn: Vpn): Vpn {
    return vpn;
  }

  tablePages(): number {
    return this.#tree.tableCount;
  }

  validate(): void {
    if (this.#tree.root !== NO_FRAME) validateTree(this.#tree);
  }

  #contains(vpn: Vpn, count: number): boolean {
    if (this.#quirks.checksFirstPageOnly) return vpn >= this.baseVpn && vpn < this.#endVpn;
    return vpn >= this.baseVpn && count >= 0 && vpn + count <= this.#endVpn;
  }

  #areMappableFrames(pfns: ArrayLike<Pfn>, count: number): boolean {
    const small = this.#smallPfnLimit;
    for (let i = 0; i < count; i++) {
      const pfn = pfns[i]!;
      // Nearly always enough, and a comparison of two small integers.
      if (pfn >= 0 && pfn < small) continue;
      if (!(pfn >= 0 && pfn < this.#pfnLimit)) return false;
    }
    return true;
  }

  #requireLive(): void {
    if (this.#tree.root === NO_FRAME)
      throw new KernelPanic("P-L2", "use of an aspace without init");
  }

  #lock(): void {
    if (this.#locked) throw new KernelPanic("P-T1", "an aspace was entered twice at once");
    this.#locked = true;
  }

  #beginEdit(): void {
    this.#requireLive();
    if (this.#updatesDisabled) throw new KernelPanic("P-L5", "edit after disableUpdates");
    this.#lock();
    this.#accessed = true;
  }

  /** Invalidates, frees what was unlinked and what was reserved for nothing, and unlocks. */
  #endEdit(status: Status): Status {
    this.#tree.drain();
    this.#tree.reserve.giveBack();
    this.#locked = false;
    return status;
  }
}
