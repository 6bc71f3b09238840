import {
  ExistingEntry,
  KernelPanic,
  MmuFlags,
  Status,
  type MmuFlagSet,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import type { VmMapping } from "./vm-mapping.ts";

/** Most pages that one call to the page tables maps: what a fault maps around itself. */
export const COALESCER_PAGES = 16;

/**
 * Collects pages that lie side by side and have the same flags, and maps each run with one call (C).
 * Used with the aspace's and the object's lock held, from `begin` to an empty `flush` or an `abort`.
 * One of them serves a whole kernel, so that a fault allocates nothing.
 */
export class MappingCoalescer {
  /** Frames of the run, of which the first `count` are set. Callers that know frames side by side write here (C-4). */
  readonly frames: Float64Array = new Float64Array(COALESCER_PAGES);
  /** Null before the first `begin` and after an `abort`: nothing may be added then. */
  private mapping: VmMapping | null = null;
  private base: Vpn = 0;
  private flags: MmuFlagSet = 0;
  private action: ExistingEntry = ExistingEntry.ERROR;
  private held = 0;

  /** Panics with C-1 when the one before it was not brought to an end. */
  begin(mapping: VmMapping, vpn: Vpn, flags: MmuFlagSet, action: ExistingEntry): void {
    if (this.held !== 0) throw new KernelPanic("C-1", `${this.held} pages were never mapped`);
    this.mapping = mapping;
    this.base = vpn;
    this.flags = flags;
    this.action = action;
  }

  /** Pages collected and not mapped yet. */
  get count(): number {
    return this.held;
  }

  get currentFlags(): MmuFlagSet {
    return this.flags;
  }

  /** Adds a page; maps what there is first when it does not continue the run. The status of that. */
  append(vpn: Vpn, frame: Pfn): Status {
    this.assertUsable();
    if (!this.canAppend(vpn)) {
      const status = this.flush();
      if (status !== Status.OK) return status;
      this.base = vpn;
    }
    this.frames[this.held++] = frame;
    return Status.OK;
  }

  /** The pages from here on have other flags: what there is is mapped first. The status of that. */
  changeFlags(vpn: Vpn, flags: MmuFlagSet): Status {
    const status = this.flush();
    if (status !== Status.OK) return status;
    this.base = vpn;
    this.flags = flags;
    return Status.OK;
  }

  /** How many pages from `vpn` on could be added without a call to the page tables; none to an empty run (C-4). */
  extraCapacityFrom(vpn: Vpn): number {
    return this.held > 0 && this.canAppend(vpn) ? COALESCER_PAGES - this.held : 0;
  }

  /** Adds frames that the caller wrote behind the run. */
  grow(count: number): void {
    this.assertUsable();
    if (this.held + count > COALESCER_PAGES) throw new KernelPanic("C-4", "the run is too long");
    this.held += count;
  }

  /** Maps the run (C-5). The status of the page tables; after a failure the run is dropped and the coalescer is done. */
  flush(): Status {
    if (this.held === 0) return Status.OK;
    const { aspace } = this.mapping!;
    this.assertNoWritableZeroPage();
    if ((this.flags & MmuFlags.RWX_MASK) !== 0) {
      const status = aspace.arch.map(this.base, this.frames, this.held, this.flags, this.action);
      if (status !== Status.OK) {
        this.abort();
        return status;
      }
    }
    this.base += this.held;
    this.held = 0;
    return Status.OK;
  }

  /** Drops the run: nothing of it was mapped. Nothing can be added until the next `begin` (C-6). */
  abort(): void {
    this.held = 0;
    this.mapping = null;
  }

  private canAppend(vpn: Vpn): boolean {
    return this.held < COALESCER_PAGES && vpn === this.base + this.held;
  }

  private assertUsable(): void {
    if (this.mapping === null) throw new KernelPanic("C-6", "a page is added after an abort");
  }

  private assertNoWritableZeroPage(): void {
    const { aspace } = this.mapping!;
    if ((this.flags & MmuFlags.WRITE) === 0 || !aspace.isUser) return;
    const { zeroPage } = aspace.system.memory.pmm;
    for (let i = 0; i < this.held; i++) {
      if (this.frames[i] === zeroPage)
        throw new KernelPanic("C-5", "the zero page would be writable");
    }
  }
}
