import { KernelPanic, formatAddress, type Pfn } from "@aspace/arch";
import type { CachedFrames } from "./cached-frames.ts";
import type { Cpu } from "./cpu.ts";
import { ENTRY_WORDS, NO_ENTRY, type RangeTable } from "./range-table.ts";
import { leafFrameOf } from "./translation.ts";
import { tableFrameOf } from "./walk-cache.ts";

/**
 * Whether a CPU can still reach a frame that is about to become free.
 *
 * Only usable cache entries count: those under the CPU's current tag, and global ones. An entry under
 * another tag may be out of date for as long as a lazily flushed CPU (x86 PCIDs) does not run that
 * tag; when the CPU switches to it and the entry is still there, P-T1 and P-T3 find it.
 */
export class Reachability {
  private readonly cpus: readonly Cpu[];
  private readonly cached: CachedFrames;

  constructor(cpus: readonly Cpu[], cached: CachedFrames) {
    this.cpus = cpus;
    this.cached = cached;
  }

  /** Recounts the cached references of all CPUs and tags; panics with K-6. */
  validate(): void {
    const recount = this.cached.empty();
    for (const { tlb, walkCache } of this.cpus) {
      for (let i = 0; i < tlb.tags.count; i++) countLeaves(tlb.tags.tableAt(i), recount);
      countLeaves(tlb.globals, recount);
      for (let i = 0; i < walkCache.tags.count; i++) countSteps(walkCache.tags.tableAt(i), recount);
    }
    this.cached.assertEquals(recount);
  }

  /** P-T2: no usable translation leads to the frame. */
  assertUntranslated(pfn: Pfn): void {
    if (!this.cached.isInTlb(pfn)) return;
    for (const cpu of this.cpus) {
      const { tag } = cpu.mmu;
      assertNoLeaf(cpu, cpu.tlb.tags.of(tag), pfn);
      // Global entries outlive a stay in a guest, so they count there too.
      assertNoLeaf(cpu, cpu.tlb.globals, pfn);
    }
  }

  /** P-T3: no usable walk-cache entry and no root register leads to the table. */
  assertUnlinked(pfn: Pfn): void {
    for (const cpu of this.cpus) {
      if (cpu.mmu.rootPfns().includes(pfn)) {
        throw new KernelPanic(
          "P-T3",
          `table ${formatAddress(pfn)} freed while a root register of CPU ${cpu.id} points at it`,
        );
      }
    }
    if (!this.cached.isInWalkCache(pfn)) return;
    for (const cpu of this.cpus) assertNoStep(cpu, pfn);
  }
}

function assertNoLeaf(cpu: Cpu, table: RangeTable, pfn: Pfn): void {
  for (let entry = table.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
    const place = pfn - leafFrameOf(table, entry);
    if (place < 0 || place >= table.pagesOf(entry)) continue;
    throw new KernelPanic(
      "P-T2",
      `frame ${formatAddress(pfn)} freed while CPU ${cpu.id} (tag ${cpu.mmu.tag}) can reach it ` +
        `through its TLB at ${formatAddress(table.vpnOf(entry) + place)}`,
    );
  }
}

function assertNoStep(cpu: Cpu, pfn: Pfn): void {
  const { tag } = cpu.mmu;
  const steps = cpu.walkCache.tags.of(tag);
  for (let entry = steps.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
    if (tableFrameOf(steps, entry) !== pfn) continue;
    throw new KernelPanic(
      "P-T3",
      `table ${formatAddress(pfn)} freed while the walk cache of CPU ${cpu.id} (tag ${tag}) ` +
        `still leads to it for ${formatAddress(steps.vpnOf(entry))}`,
    );
  }
}

function countLeaves(table: RangeTable, recount: CachedFrames): void {
  for (let entry = table.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
    recount.addLeaf(leafFrameOf(table, entry), table.sizeOf(entry));
  }
}

function countSteps(steps: RangeTable, recount: CachedFrames): void {
  for (let entry = steps.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
    recount.addTable(tableFrameOf(steps, entry));
  }
}
