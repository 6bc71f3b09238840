import {
  KernelPanic,
  NO_FRAME,
  Status,
  formatAddress,
  type Enlarge,
  type MmuFlagSet,
  type Vpn,
} from "@aspace/arch";
import type { EngineQuirks } from "./quirks.ts";
import { reserveSplits, splitLeaf, splitsForRange } from "./split.ts";
import { ABSENT, type TableTree } from "./table-tree.ts";

/**
 * Replaces the permission bits of every leaf in [vpn, vpn + count). NOT_SUPPORTED, NO_MEMORY, OK;
 * a failure has changed nothing.
 */
export function protectPages(
  tree: TableTree,
  quirks: EngineQuirks,
  vpn: Vpn,
  count: number,
  flags: MmuFlagSet,
  enlarge: Enlarge,
): Status {
  const end = vpn + count;
  const lastTable = tree.lastMarkedTable(vpn);
  if (lastTable !== NO_FRAME && tree.runLength(vpn, end) === count) {
    tree.level = 0;
    protectRun(tree, quirks, vpn, count, flags, tree.slotOf(lastTable, vpn, 0));
    return Status.OK;
  }
  const status = reserveSplits(tree, quirks, splitsForRange(tree, vpn, end), enlarge);
  if (status !== Status.OK) return status;
  for (let at = vpn; at < end;) {
    const state = tree.descend(at);
    const stop = tree.level === 0 ? at + tree.runLength(at, end) : tree.endOfEntry(at);
    if (state === ABSENT && tree.level > 0) {
      at = stop;
      continue;
    }
    const partly = tree.level > 0 && (at % tree.codec.span[tree.level]! !== 0 || stop > end);
    if (partly) {
      splitLeaf(tree, quirks, at);
      continue;
    }
    tree.markPath();
    if (tree.level === 0) tree.rememberMarked(at);
    protectRun(tree, quirks, at, tree.level === 0 ? stop - at : 1, flags, tree.slot);
    at = stop;
  }
  return Status.OK;
}

/** Rewrites the live leaves among `run` entries from `first`, at the level of the last descent. */
function protectRun(
  tree: TableTree,
  quirks: EngineQuirks,
  vpn: Vpn,
  run: number,
  flags: MmuFlagSet,
  first: number,
): void {
  const { codec, words, batch, level } = tree;
  const row = flags * codec.levels + level;
  const wantLo = codec.leafLo[row]!;
  const wantHi = codec.leafHi[row]!;
  const maskLo = codec.permissionLo[level]!;
  const maskHi = codec.permissionHi[level]!;
  const fixedLo = codec.fixedLo[level]!;
  const fixedHi = codec.fixedHi[level]!;
  const setLo = (wantLo & maskLo) | codec.reviveLo;
  const setHi = (wantHi & maskHi) | codec.reviveHi;
  const keepLo = quirks.protectOrsAttributes ? -1 : ~maskLo;
  const keepHi = quirks.protectOrsAttributes ? -1 : ~maskHi;
  const stop = first + 2 * run;
  const synchronizes = tree.mustSynchronize(flags);
  let forbidden = 0;
  for (let slot = first; slot < stop; slot = (slot + 2) | 0) {
    const lo = words[slot]!;
    if (lo === 0) continue;
    const hi = words[slot | 1]!;
    if (synchronizes) tree.synchronizeLeaf(lo, hi, level);
    forbidden |= ((lo ^ wantLo) & fixedLo) | ((hi ^ wantHi) & fixedHi);
    const newLo = (lo & keepLo) | setLo;
    const newHi = (hi & keepHi) | setHi;
    const changed = ((lo ^ newLo) & maskLo) | ((hi ^ newHi) & maskHi);
    // An unaccessed leaf that software must mark is never cached: setting the bit flushes nothing.
    words[slot | 1] = newHi;
    words[slot] = newLo;
    if (changed !== 0 && !batch.everything) batch.addPage(vpn + ((slot - first) >> 1));
  }
  if (forbidden !== 0) {
    const pages = `${run} pages from ${formatAddress(vpn)}`;
    throw new KernelPanic("P-P1", `protect changes the cache policy among ${pages}`);
  }
}
