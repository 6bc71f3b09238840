import {
  Access,
  FRAME_WORDS,
  GUEST_TAGS,
  KernelPanic,
  emptyWalk,
  formatAddress,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import type { Cpu } from "./cpu.ts";
import { FrameOwner, ownerName } from "./frames.ts";
import type { Machine } from "./machine.ts";
import { ENTRY_WORDS, NO_ENTRY, pagesOf, type RangeTable } from "./range-table.ts";
import { describeLeaf, emptyTranslation, readTranslation } from "./translation.ts";
import { tableFrameOf, tableLevelOf } from "./walk-cache.ts";

// Reused by every check: a check allocates nothing unless it fails.
const fresh: Walk = emptyWalk();
const held = emptyTranslation();

/**
 * Compares everything that CPUs could use now with what the tables in RAM say now, by cold walks.
 * Meant for the moment after an operation on an aspace returned; the cost is a walk per usable
 * cached entry, whatever else exists.
 *
 * - P-T1: a usable translation has the frame, memory type and scope of a fresh walk and allows no
 *   more. Entries under other tags, and global ones while the CPU runs a guest, cannot be used now.
 * - P-T3: root registers point at tables; a usable walk-cache entry leads to the table that a fresh
 *   walk goes through.
 * - P-T4: where the architecture forbids a difference, a usable translation also has the leaf size
 *   of the fresh walk, which could be cached beside it at any moment.
 */
export function checkCoherence(machine: Machine): void {
  for (const cpu of machine.cpus) {
    const { tag } = cpu.mmu;
    checkRoots(machine, cpu);
    checkSteps(machine, cpu);
    checkLeaves(machine, cpu, cpu.tlb.tags.of(tag));
    if (tag < GUEST_TAGS) checkLeaves(machine, cpu, cpu.tlb.globals);
  }
}

function checkRoots(machine: Machine, cpu: Cpu): void {
  for (const pfn of cpu.mmu.rootPfns()) {
    const owner = machine.frames.ownerOf(pfn);
    if (owner === FrameOwner.TABLE) continue;
    throw new KernelPanic(
      "P-T3",
      `a root register of CPU ${cpu.id} points at ${formatAddress(pfn)}, which is ${ownerName(owner)}`,
    );
  }
}

function checkLeaves(machine: Machine, cpu: Cpu, table: RangeTable): void {
  for (let entry = table.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
    const first = table.vpnOf(entry);
    const end = first + table.pagesOf(entry);
    // A large leaf may have been split since: look at every leaf that is in its place now.
    for (let vpn = first; vpn < end; vpn += pagesOf(fresh.leafPages)) {
      readTranslation(table, entry, vpn, held);
      checkPage(machine, cpu, vpn);
    }
  }
}

/** Compares `held` with a cold walk of one of its pages, which it leaves in `fresh`. */
function checkPage(machine: Machine, cpu: Cpu, vpn: Vpn): void {
  cpu.mmu.inspect(vpn, Access.KERNEL_READ, fresh);
  const agrees =
    fresh.present &&
    fresh.pfn === held.pfn &&
    fresh.memoryType === held.memoryType &&
    (fresh.global || !held.global) &&
    (held.allowed & ~fresh.allowed) === 0;
  if (!agrees) panicLeaf("P-T1", cpu, vpn);
  if (machine.conflicts === "panic" && fresh.leafPages !== held.leafPages) {
    panicLeaf("P-T4", cpu, vpn);
  }
}

function panicLeaf(rule: string, cpu: Cpu, vpn: Vpn): never {
  const now = fresh.present ? describeLeaf(fresh) : `nothing, from level ${fresh.level} on`;
  throw new KernelPanic(
    rule,
    `CPU ${cpu.id}, tag ${cpu.mmu.tag}, page ${formatAddress(vpn)}: ` +
      `the TLB holds ${describeLeaf(held)}; a fresh walk finds ${now}`,
  );
}

function checkSteps(machine: Machine, cpu: Cpu): void {
  const steps = cpu.walkCache.tags.of(cpu.mmu.tag);
  for (let entry = steps.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
    const pfn = tableFrameOf(steps, entry);
    const owner = machine.frames.ownerOf(pfn);
    if (owner !== FrameOwner.TABLE) panicStep(cpu, steps, entry, `it is ${ownerName(owner)}`);
    checkStep(cpu, steps, entry);
  }
}

/**
 * A cold walk tells in which table it stopped, not through which ones it came. So this tries the
 * table's entries in turn for one that leads no further (a leaf or a hole), which nearly always is
 * among the first; a table with nothing but tables in all its entries cannot be told from another.
 */
function checkStep(cpu: Cpu, steps: RangeTable, entry: number): void {
  const { mmu } = cpu;
  const level = tableLevelOf(steps, entry);
  const first = steps.vpnOf(entry);
  const end = first + steps.pagesOf(entry);
  const entryPages = level === 0 ? 1 : pagesOf(mmu.tablePages[level - 1]!);
  for (let vpn = first; vpn < end; vpn += entryPages) {
    mmu.inspect(vpn, Access.KERNEL_READ, fresh);
    if (fresh.level < level) continue;
    const pfn = Math.floor(fresh.entry / FRAME_WORDS);
    if (pfn !== tableFrameOf(steps, entry)) {
      const where = fresh.entry < 0 ? "no table" : formatAddress(pfn);
      panicStep(cpu, steps, entry, `a fresh walk ends at level ${fresh.level} in ${where}`);
    }
    return;
  }
}

function panicStep(cpu: Cpu, steps: RangeTable, entry: number, why: string): never {
  throw new KernelPanic(
    "P-T3",
    `CPU ${cpu.id}, tag ${cpu.mmu.tag}: the walk cache leads ${formatAddress(steps.vpnOf(entry))} ` +
      `to a level ${tableLevelOf(steps, entry)} table in ${formatAddress(tableFrameOf(steps, entry))}, ` +
      `but ${why}`,
  );
}
