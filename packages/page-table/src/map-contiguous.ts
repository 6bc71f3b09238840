import { NO_FRAME, Status, type MmuFlagSet, type Pfn, type Vpn } from "@aspace/arch";
import { hasLive, leafSlot } from "./map.ts";
import type { TableTree } from "./table-tree.ts";

/**
 * Mapping a run of frames with the largest leaves that fit:
 *
 * ```
 *   vpn   ...|  2 MiB  |  2 MiB  |...       a leaf fits where vpn and pfn are both aligned to it,
 *   leaves 4K 4K   2M        2M   4K 4K     the rest of the range covers it and its slot is empty
 * ```
 *
 * As with `map`: plan and reserve first, then an edit that cannot fail.
 */

/** Maps [vpn, vpn + count) to frames from `pfn`. ALREADY_EXISTS, NO_MEMORY, OK. */
export function mapRange(
  tree: TableTree,
  vpn: Vpn,
  pfn: Pfn,
  count: number,
  flags: MmuFlagSet,
): Status {
  const end = vpn + count;
  const missing = tablesMissing(tree, vpn, end, pfn - vpn);
  if (missing < 0) return Status.ALREADY_EXISTS;
  if (missing > 0 && !tree.reserve.take(missing)) return Status.NO_MEMORY;
  if (tree.mustSynchronize(flags)) {
    for (let i = 0; i < count; i++) tree.hardware.bus.synchronizeInstructions(pfn + i);
  }
  for (let at = vpn; at < end;) at += installNext(tree, at, end, pfn + (at - vpn), flags);
  return Status.OK;
}

/** Tables to build for [from, end) mapped at frame `vpn + offset`; -1 if a page is in use. */
function tablesMissing(tree: TableTree, from: Vpn, end: Vpn, offset: number): number {
  let missing = 0;
  for (let at = from; at < end;) {
    const slot = leafSlot(tree, at);
    if (slot >= 0) {
      const run = tree.runLength(at, end);
      if (hasLive(tree.words, slot, run)) return -1;
      at += run;
      continue;
    }
    if (tree.words[tree.slot] !== 0) return -1;
    const covered = Math.min(end, tree.endOfEntry(at));
    missing += tablesFor(tree, tree.level, at, covered, offset);
    at = covered;
  }
  return missing;
}

/** Tables needed below an empty slot at `level` for [from, to) inside it. */
function tablesFor(tree: TableTree, level: number, from: Vpn, to: Vpn, offset: number): number {
  if (level === 0 || fits(tree, level, from, from + offset, to)) return 0;
  const child = tree.codec.span[level - 1]!;
  const firstFull = Math.ceil(from / child) * child;
  const endFull = Math.floor(to / child) * child;
  if (firstFull > endFull) return 1 + tablesFor(tree, level - 1, from, to, offset);
  let tables = 1;
  if (from < firstFull) tables += tablesFor(tree, level - 1, from, firstFull, offset);
  if (firstFull < endFull) {
    const each = tablesFor(tree, level - 1, firstFull, firstFull + child, offset);
    tables += each * ((endFull - firstFull) / child);
  }
  if (endFull < to) tables += tablesFor(tree, level - 1, endFull, to, offset);
  return tables;
}

/** Whether a leaf at `level` fits at `vpn` for frame `pfn` before `end`. */
function fits(tree: TableTree, level: number, vpn: Vpn, pfn: Pfn, end: Vpn): boolean {
  const span = tree.codec.span[level]!;
  return (
    level <= tree.codec.format.topLeafLevel &&
    vpn % span === 0 &&
    pfn % span === 0 &&
    end - vpn >= span
  );
}

/** Installs one large leaf, or the rest of a leaf table, at `vpn`; answers the pages mapped. */
function installNext(tree: TableTree, vpn: Vpn, end: Vpn, pfn: Pfn, flags: MmuFlagSet): number {
  const lastTable = tree.lastMarkedTable(vpn);
  if (lastTable !== NO_FRAME) return installRun(tree, lastTable, vpn, end, pfn, flags);
  tree.descend(vpn);
  let level = tree.level;
  while (level > 0 && !fits(tree, level, vpn, pfn, end)) level--;
  tree.growTo(vpn, level);
  tree.markPath();
  if (level === 0) {
    tree.rememberMarked(vpn);
    return installRun(tree, tree.tableAt(0), vpn, end, pfn, flags);
  }
  const row = flags * tree.codec.levels + level;
  tree.writeLeaf(tree.slot, pfn, tree.codec.leafLo[row]!, tree.codec.leafHi[row]!);
  tree.counts[tree.tableAt(level)]!++;
  return tree.codec.span[level]!;
}

/**
 * Fills entries of a leaf table from `vpn`, all of them absent, as far as the table, the range and the
 * high half that the first frame has; answers the pages mapped.
 */
function installRun(
  tree: TableTree,
  table: Pfn,
  vpn: Vpn,
  end: Vpn,
  pfn: Pfn,
  flags: MmuFlagSet,
): number {
  const { codec, words } = tree;
  const row = flags * codec.levels;
  const attributesLo = codec.leafLo[row]!;
  const attributesHi = codec.leafHi[row]!;
  const { frameBit, lowFrames } = codec;
  const run = Math.min(tree.runLength(vpn, end), lowFrames - (pfn & (lowFrames - 1)));
  const first = tree.slotOf(table, vpn, 0);
  const stop = first + 2 * run;
  const hi = (pfn * codec.hiScale) | attributesHi;
  let lo = (pfn << frameBit) | attributesLo;
  const nextFrame = 1 << frameBit;
  // Entries have even indices, which `|` tells the engine cannot overflow, unlike `+`.
  for (let slot = first; slot < stop; slot = (slot + 2) | 0) {
    words[slot | 1] = hi;
    words[slot] = lo;
    lo = (lo + nextFrame) | 0;
  }
  tree.counts[table]! += run;
  return run;
}
