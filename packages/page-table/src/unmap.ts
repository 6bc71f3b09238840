import { Enlarge, NO_FRAME, Status, type Vpn } from "@aspace/arch";
import type { EngineQuirks } from "./quirks.ts";
import { reserveSplits, splitLeaf, splitsForRange } from "./split.ts";
import { ABSENT, type TableTree } from "./table-tree.ts";

/**
 * Removes every mapping in [vpn, vpn + count). OK; with Enlarge.NO also NOT_SUPPORTED and NO_MEMORY,
 * with nothing changed. With Enlarge.YES a large leaf that cannot be split goes as a whole.
 */
export function unmapPages(
  tree: TableTree,
  quirks: EngineQuirks,
  vpn: Vpn,
  count: number,
  enlarge: Enlarge,
): Status {
  if (count === 1 && removeFromLastTable(tree, vpn)) return Status.OK;
  const end = vpn + count;
  const splits = splitsForRange(tree, vpn, end);
  if (enlarge === Enlarge.YES || quirks.unmapDropsLeafOnOom) tree.reserve.takeUpTo(splits);
  else {
    const status = reserveSplits(tree, quirks, splits, enlarge);
    if (status !== Status.OK) return status;
  }
  removeRange(tree, quirks, vpn, end);
  return Status.OK;
}

/**
 * The common case of one page in the table used last, which keeps other entries: no descent, no
 * split, nothing to unlink. False when it is not that case.
 */
function removeFromLastTable(tree: TableTree, vpn: Vpn): boolean {
  const table = tree.lastLeafTable(vpn);
  if (table === NO_FRAME) return false;
  const slot = tree.slotOf(table, vpn, 0);
  if (tree.words[slot] === 0) return true;
  if (tree.counts[table]! < 2) return false;
  tree.clear(slot);
  tree.counts[table]!--;
  tree.batch.addPage(vpn);
  return true;
}

/** Clears [from, end), splitting large leaves at its edges as far as reserved tables allow. */
export function removeRange(tree: TableTree, quirks: EngineQuirks, from: Vpn, end: Vpn): void {
  for (let at = from; at < end;) {
    const state = tree.descend(at);
    if (tree.level === 0) {
      const run = tree.runLength(at, end);
      tree.rememberUnmarked(at, tree.tableAt(0));
      const removed = clearRun(tree, at, run);
      if (removed > 0) tree.shrink(at, removed);
      at += run;
      continue;
    }
    const stop = tree.endOfEntry(at);
    if (state === ABSENT) {
      at = stop;
      continue;
    }
    const partly = at % tree.codec.span[tree.level]! !== 0 || stop > end;
    if (partly && tree.reserve.hasNext()) {
      splitLeaf(tree, quirks, at);
      continue;
    }
    tree.clear(tree.slot);
    tree.batch.addPage(at);
    tree.shrink(at, 1);
    at = stop;
  }
}

/** Clears the live entries among `run` entries of the leaf table last descended to; answers how many. */
function clearRun(tree: TableTree, vpn: Vpn, run: number): number {
  const { words, batch } = tree;
  const stop = tree.slot + 2 * run;
  let slot = tree.slot;
  let removed = 0;
  for (let page = vpn; slot < stop && !batch.everything; slot += 2, page++) {
    if (words[slot] === 0) continue;
    words[slot + 1] = 0;
    words[slot] = 0;
    removed++;
    batch.addPage(page);
  }
  for (; slot < stop; slot = (slot + 2) | 0) {
    if (words[slot] === 0) continue;
    words[slot | 1] = 0;
    words[slot] = 0;
    removed++;
  }
  return removed;
}
