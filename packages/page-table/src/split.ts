import { Enlarge, FRAME_WORDS, NO_FRAME, Status, type Pfn, type Vpn } from "@aspace/arch";
import type { EngineQuirks } from "./quirks.ts";
import { LEAF, type TableTree } from "./table-tree.ts";

/**
 * Splitting replaces a large leaf by a table of the next smaller leaves that translates alike:
 *
 * ```
 *   level 1   │        2 MiB leaf        │          │  table ─┐              │
 *                                            ──▶              ▼
 *   level 0                                         │4K│4K│4K│ ... 512 ... │4K│
 * ```
 *
 * An edit that covers part of a large leaf splits it, at most one at each end of its range, each down
 * to the last level.
 */

/** Tables needed to split the leaf around `edge` down to the last level; 0 if `edge` is not inside one. */
function splitsAt(tree: TableTree, edge: Vpn): number {
  if (tree.lastLeafTable(edge) !== NO_FRAME || tree.descend(edge) !== LEAF) return 0;
  if (tree.level === 0) tree.rememberUnmarked(edge, tree.tableAt(0));
  let tables = 0;
  for (let level = tree.level; level > 0; level--) {
    if (edge % tree.codec.span[level]! !== 0) tables++;
  }
  return tables;
}

/**
 * Tables needed so that no large leaf crosses `start` or `end`. A leaf that contains both edges is
 * split once at each level that the edges share.
 */
export function splitsForRange(tree: TableTree, start: Vpn, end: Vpn): number {
  const atEnd = splitsAt(tree, end);
  const atStart = splitsAt(tree, start);
  const startLevel = atStart > 0 ? tree.level : 0;
  if (atStart === 0 || atEnd === 0) return atStart + atEnd;
  let shared = 0;
  for (let level = startLevel; level > 0; level--) {
    const span = tree.codec.span[level]!;
    const crossesBoth = start % span !== 0 && end % span !== 0;
    if (crossesBoth && Math.floor(start / span) === Math.floor(end / span)) shared++;
  }
  return atStart + atEnd - shared;
}

/**
 * Whether a range edit may split `splits` tables' worth of leaves, with the frames for it taken from
 * the allocator. NOT_SUPPORTED when that needs a break-before-make gap that nobody authorised,
 * NO_MEMORY when there is no frame; nothing has changed then.
 */
export function reserveSplits(
  tree: TableTree,
  quirks: EngineQuirks,
  splits: number,
  enlarge: Enlarge,
): Status {
  if (splits === 0) return Status.OK;
  const needsGap = tree.codec.format.capabilities.splitNeedsBbm;
  if (needsGap && enlarge === Enlarge.NO && !quirks.splitIgnoresEnlarge) {
    return Status.NOT_SUPPORTED;
  }
  return tree.reserve.take(splits) ? Status.OK : Status.NO_MEMORY;
}

/** Splits the large leaf at the end of the last descent, which covers `vpn`, with a reserved table. */
export function splitLeaf(tree: TableTree, quirks: EngineQuirks, vpn: Vpn): void {
  const { codec, words, slot, level } = tree;
  const lo = words[slot]!;
  const hi = words[slot + 1]!;
  const table = tree.takeTable();
  fillWithSplit(tree, table, lo, hi, level);
  const { leafAccessed, tableAccessed, capabilities } = codec.format;
  const wasAccessed = (lo & leafAccessed.lo) !== 0 || (hi & leafAccessed.hi) !== 0;
  const marked = wasAccessed && !quirks.splitLosesAccessed;
  if (capabilities.splitNeedsBbm) {
    tree.clear(slot);
    tree.batch.addPage(vpn);
    tree.drain();
  }
  tree.hardware.bus.barrier();
  tree.writeTable(slot, table, marked ? tableAccessed.lo : 0, marked ? tableAccessed.hi : 0);
  if (quirks.splitLosesAccessed) unmark(tree, slot);
  if (!capabilities.splitNeedsBbm) tree.batch.addPage(vpn);
  tree.tableCount++;
}

/** Writes the equal smaller leaves into a table that no CPU can reach yet. */
function fillWithSplit(tree: TableTree, table: Pfn, lo: number, hi: number, level: number): void {
  const { codec } = tree;
  const bits = codec.format.splitBits(lo, hi, level);
  const step = codec.span[level - 1]!;
  let pfn = codec.leafPfn(lo, hi, level);
  const first = table * FRAME_WORDS;
  for (let slot = first; slot < first + 2 * codec.entries; slot += 2) {
    tree.writeLeaf(slot, pfn, bits.lo, bits.hi);
    pfn += step;
  }
  tree.counts[table] = codec.entries;
}

function unmark(tree: TableTree, slot: number): void {
  const { tableAccessed } = tree.codec.format;
  tree.words[slot]! &= ~tableAccessed.lo;
  tree.words[slot + 1]! &= ~tableAccessed.hi;
}
