import { FRAME_WORDS, NonTerminalAction, TerminalAction, type Pfn, type Vpn } from "@aspace/arch";
import type { EngineQuirks } from "./quirks.ts";
import { ABSENT, type TableTree } from "./table-tree.ts";
import { removeRange } from "./unmap.ts";

/**
 * Ageing: reports which pages were used, and drops tables that were not. Table entries carry
 * accessed marks too, set by hardware (x86) or by us (arm64 software bit), so that a subtree nobody
 * used is skipped, or freed, without looking inside.
 */

/** Harvests [from, end). See `ArchVmAspace.harvestAccessed`. */
export function harvestRange(
  tree: TableTree,
  quirks: EngineQuirks,
  from: Vpn,
  end: Vpn,
  nonTerminal: NonTerminalAction,
  terminal: TerminalAction,
): void {
  const marks = tree.codec.format.capabilities.nonTerminalAccessed;
  const frees = nonTerminal === NonTerminalAction.FREE_UNACCESSED && marks !== "none";
  for (let at = from; at < end;) {
    const state = tree.descend(at);
    const unaccessed = marks === "none" ? -1 : unaccessedLevel(tree);
    if (unaccessed >= 0) {
      const stop = endOfSpan(tree, at, unaccessed);
      if (frees) dropUnaccessed(tree, quirks, at, Math.min(end, stop), unaccessed);
      at = stop;
      continue;
    }
    if (tree.level > 0) {
      if (state !== ABSENT && quirks.harvestClearsLargeLeaf) clearAccessed(tree, tree.slot, at);
      at = tree.endOfEntry(at);
      continue;
    }
    const run = tree.runLength(at, end);
    harvestRun(tree, at, run, terminal);
    at += run;
  }
  if (frees) clearMarks(tree, tree.root, tree.topLevel, from, end);
}

const endOfSpan = (tree: TableTree, vpn: Vpn, level: number): Vpn => {
  const span = tree.codec.span[level]!;
  return vpn - (vpn % span) + span;
};

/**
 * The level of the topmost entry on the path that points at an unaccessed table; -1 for none. The
 * marks of prebuilt root entries say nothing: CPUs set them in the copies that other roots hold.
 */
function unaccessedLevel(tree: TableTree): number {
  for (let level = tree.topLevel; level > tree.level; level--) {
    if (level === tree.topLevel && tree.isPrebuiltSlot(tree.slots[level]!)) continue;
    if (!isMarked(tree, tree.slots[level]!)) return level;
  }
  return -1;
}

function isMarked(tree: TableTree, slot: number): boolean {
  const { lo, hi } = tree.codec.format.tableAccessed;
  return ((tree.words[slot]! & lo) | (tree.words[slot + 1]! & hi)) !== 0;
}

function isAccessed(tree: TableTree, slot: number): boolean {
  const { lo, hi } = tree.codec.format.leafAccessed;
  return ((tree.words[slot]! & lo) | (tree.words[slot + 1]! & hi)) !== 0;
}

function clearAccessed(tree: TableTree, slot: number, vpn: Vpn): void {
  const { lo, hi } = tree.codec.format.leafAccessed;
  if (!isAccessed(tree, slot)) return;
  tree.words[slot]! &= ~lo;
  tree.words[slot + 1]! &= ~hi;
  tree.batch.addPage(vpn);
}

/** Reports the accessed leaves among `run` entries of the leaf table last descended to. */
function harvestRun(tree: TableTree, vpn: Vpn, run: number, terminal: TerminalAction): void {
  const { pages } = tree.hardware;
  for (let i = 0; i < run; i++) {
    const slot = tree.slot + 2 * i;
    if (tree.words[slot] === 0 || !isAccessed(tree, slot)) continue;
    const pfn = tree.codec.tablePfn(tree.words[slot]!, tree.words[slot + 1]!);
    if (!pages.hasRecord(pfn)) continue;
    pages.markAccessed(pfn);
    if (terminal === TerminalAction.UPDATE_AGE_AND_HARVEST) clearAccessed(tree, slot, vpn + i);
  }
}

/** Unmaps what an unaccessed table maps in [from, to); a large leaf partly inside stays. */
function dropUnaccessed(
  tree: TableTree,
  quirks: EngineQuirks,
  from: Vpn,
  to: Vpn,
  level: number,
): void {
  if (quirks.freesUsedTables && level === 1 && tree.level === 0) {
    dropWholeTable(tree, from);
    return;
  }
  for (let at = from; at < to;) {
    const state = tree.descend(at);
    const stop = endOfSpan(tree, at, Math.max(tree.level, 1));
    const large = state !== ABSENT && tree.level > 0;
    const partly = large && (at % tree.codec.span[tree.level]! !== 0 || stop > to);
    if (!partly) removeRange(tree, quirks, at, Math.min(to, stop));
    at = stop;
  }
}

/** Quirk H10: frees a leaf table whatever it still maps. */
function dropWholeTable(tree: TableTree, vpn: Vpn): void {
  const table = tree.tableAt(0);
  tree.words.fill(0, table * FRAME_WORDS, (table + 1) * FRAME_WORDS);
  tree.batch.addEverything();
  tree.shrink(vpn, tree.counts[table]!);
}

/**
 * After a FreeUnaccessed pass: takes the accessed marks of the tables in range that survived it.
 * Hardware marks come back with the next walk, once nothing is cached. A software mark may go only
 * when no accessed leaf is left below: from then on a touch raises an access fault, which marks.
 */
function clearMarks(tree: TableTree, table: Pfn, level: number, from: Vpn, end: Vpn): void {
  if (level === 0) return;
  const { format, span } = tree.codec;
  const size = span[level]!;
  const first = from - (from % size);
  for (let base = first; base < end; base += size) {
    const slot = tree.slotOf(table, base, level);
    const lo = tree.words[slot]!;
    if (lo === 0 || tree.codec.isLeaf(lo, level)) continue;
    const child = tree.codec.tablePfn(lo, tree.words[slot + 1]!);
    clearMarks(tree, child, level - 1, Math.max(from, base), Math.min(end, base + size));
    if (!isMarked(tree, slot)) continue;
    const software = format.capabilities.nonTerminalAccessed === "software";
    if (software && hasAccessedBelow(tree, child, level - 1)) continue;
    tree.words[slot]! &= ~format.tableAccessed.lo;
    tree.words[slot + 1]! &= ~format.tableAccessed.hi;
    if (software) tree.forgetLeafTable();
    else tree.batch.addEverything();
  }
}

/** Whether a table holds an accessed leaf or a marked table. */
function hasAccessedBelow(tree: TableTree, table: Pfn, level: number): boolean {
  const first = table * FRAME_WORDS;
  for (let slot = first; slot < first + 2 * tree.codec.entries; slot += 2) {
    const lo = tree.words[slot]!;
    if (lo === 0) continue;
    if (tree.codec.isLeaf(lo, level) ? isAccessed(tree, slot) : isMarked(tree, slot)) return true;
  }
  return false;
}

/** Sets the accessed bit of mapped base pages in [from, end) and marks the tables above them. */
export function markRange(tree: TableTree, from: Vpn, end: Vpn): void {
  const { lo, hi } = tree.codec.format.leafAccessed;
  for (let at = from; at < end;) {
    tree.descend(at);
    if (tree.level > 0) {
      at = tree.endOfEntry(at);
      continue;
    }
    const run = tree.runLength(at, end);
    let marked = false;
    for (let slot = tree.slot; slot < tree.slot + 2 * run; slot += 2) {
      if (tree.words[slot] === 0) continue;
      tree.words[slot]! |= lo;
      tree.words[slot + 1]! |= hi;
      marked = true;
    }
    if (marked) tree.markPath();
    at += run;
  }
}
