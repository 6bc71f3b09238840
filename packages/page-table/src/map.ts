import {
  AspaceKind,
  ExistingEntry,
  MmuFlags,
  NO_FRAME,
  Status,
  type MmuFlagSet,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import type { EngineQuirks } from "./quirks.ts";
import { splitLeaf } from "./split.ts";
import { ABSENT, type TableTree } from "./table-tree.ts";
import { removeRange } from "./unmap.ts";

/**
 * Mapping a list of frames. First a plan: which tables are missing, which pages are in the way. The
 * plan reserves every table and can refuse; then the edit, which cannot fail. So a failed map has
 * changed nothing, and no CPU ever saw a half-done one.
 */

/** One map call: its arguments, reused so that a call allocates nothing. */
export interface MapRequest {
  kind: AspaceKind;
  vpn: Vpn;
  pfns: ArrayLike<Pfn>;
  count: number;
  flags: MmuFlagSet;
  action: ExistingEntry;
}

/** Maps the request. ALREADY_EXISTS, NO_MEMORY, OK. */
export function mapPages(tree: TableTree, quirks: EngineQuirks, request: MapRequest): Status {
  const status = plan(tree, quirks, request);
  if (status !== Status.OK) return status;
  const { vpn, count, action } = request;
  if (tree.mustSynchronize(request.flags)) synchronizeFrames(tree, request);
  if (action === ExistingEntry.UPGRADE && replaceExisting(tree, quirks, request)) tree.drain();
  const end = vpn + count;
  for (let at = vpn; at < end;) {
    const run = tree.runLength(at, end);
    const table = reachLeafTable(tree, at);
    if (table !== NO_FRAME) installRun(tree, request, table, at, run);
    at += run;
  }
  return Status.OK;
}

/**
 * The common case of one page with an absent entry in the table used last: nothing is in the way and
 * no table is missing, whatever the action. False when it is not that case; then nothing has changed.
 */
export function mapInLastTable(tree: TableTree, vpn: Vpn, pfn: Pfn, flags: MmuFlagSet): boolean {
  const table = tree.lastMarkedTable(vpn);
  if (table < 0 || tree.mustSynchronize(flags)) return false;
  const slot = tree.slotOf(table, vpn, 0);
  if (tree.words[slot] !== 0) return false;
  const row = flags * tree.codec.levels;
  tree.writeLeaf(slot, pfn, tree.codec.leafLo[row]!, tree.codec.leafHi[row]!);
  tree.counts[table]!++;
  return true;
}

function synchronizeFrames(tree: TableTree, request: MapRequest): void {
  for (let i = 0; i < request.count; i++) {
    tree.hardware.bus.synchronizeInstructions(request.pfns[i]!);
  }
}

/** Finds what is in the way and reserves the tables that are missing. */
function plan(tree: TableTree, quirks: EngineQuirks, request: MapRequest): Status {
  const { vpn, count, action, kind } = request;
  const end = vpn + count;
  let missing = 0;
  for (let at = vpn; at < end;) {
    const slot = leafSlot(tree, at);
    if (slot >= 0) {
      const run = tree.runLength(at, end);
      if (action === ExistingEntry.ERROR && hasLive(tree.words, slot, run)) {
        return Status.ALREADY_EXISTS;
      }
      at += run;
      continue;
    }
    const covered = Math.min(end, tree.endOfEntry(at));
    const absent = tree.words[tree.slot] === 0;
    if (!absent && refusesLargeLeaf(quirks, kind, action)) return Status.ALREADY_EXISTS;
    if (absent || action === ExistingEntry.UPGRADE) missing += tablesBelow(tree, at, covered);
    at = covered;
  }
  if (missing === 0 || tree.reserve.take(missing)) return Status.OK;
  if (quirks.rollsBackWholeRange) removeRange(tree, quirks, vpn, end);
  return Status.NO_MEMORY;
}

/** The entry of `vpn` in an existing leaf table; -1 when the last descent ended above one. */
export function leafSlot(tree: TableTree, vpn: Vpn): number {
  const table = tree.lastLeafTable(vpn);
  if (table !== NO_FRAME) return tree.slotOf(table, vpn, 0);
  tree.descend(vpn);
  if (tree.level > 0) return -1;
  tree.rememberUnmarked(vpn, tree.tableAt(0));
  return tree.slot;
}

/** An upgrade may split a large leaf in its way, except in the kernel, which may not lose a page. */
function refusesLargeLeaf(quirks: EngineQuirks, kind: AspaceKind, action: ExistingEntry): boolean {
  if (action === ExistingEntry.ERROR || quirks.largeLeafAlwaysExists) return true;
  return action === ExistingEntry.UPGRADE && kind === AspaceKind.KERNEL;
}

/**
 * Whether one of `run` entries from `slot` is in use. Reads them all: a loop that need not decide is
 * twice as fast, and nearly every caller gets through.
 */
export function hasLive(words: Int32Array, slot: number, run: number): boolean {
  const stop = slot + 2 * run;
  let live = 0;
  for (let entry = slot; entry < stop; entry = (entry + 2) | 0) live |= words[entry]!;
  return live !== 0;
}

/**
 * Tables to build below the entry of the last descent so that [from, to), all inside it, lies in
 * leaf tables: at each level below, one for every span that the range touches.
 */
function tablesBelow(tree: TableTree, from: Vpn, to: Vpn): number {
  let tables = 0;
  for (let level = 1; level <= tree.level; level++) {
    const span = tree.codec.span[level]!;
    tables += Math.floor((to - 1) / span) - Math.floor(from / span) + 1;
  }
  return tables;
}

/**
 * The first half of an upgrade: rewrites entries that keep their frame, splits large leaves, and
 * breaks (clears) entries that change frame or cache policy, for the second half to make again.
 * Answers whether something was broken: a flush must come in between, so that no CPU ever holds an
 * old and a new translation of one page.
 */
function replaceExisting(tree: TableTree, quirks: EngineQuirks, request: MapRequest): boolean {
  const { vpn, count } = request;
  const end = vpn + count;
  let broken = false;
  for (let at = vpn; at < end;) {
    const state = tree.descend(at);
    if (tree.level > 0) {
      if (state === ABSENT) at = Math.min(end, tree.endOfEntry(at));
      else splitLeaf(tree, quirks, at);
      continue;
    }
    const run = tree.runLength(at, end);
    for (let i = 0; i < run; i++) {
      if (replaceEntry(tree, quirks, request, at + i)) broken = true;
    }
    at += run;
  }
  return broken;
}

/** Deals with one page of an upgrade; answers whether its entry was broken. */
function replaceEntry(
  tree: TableTree,
  quirks: EngineQuirks,
  request: MapRequest,
  vpn: Vpn,
): boolean {
  const { codec, words } = tree;
  const slot = tree.slotOf(tree.tableAt(0), vpn, 0);
  const lo = words[slot]!;
  if (lo === 0) return false;
  const hi = words[slot + 1]!;
  const { flags } = request;
  const pfn = request.pfns[vpn - request.vpn]!;
  const row = flags * codec.levels;
  const wantLo = codec.leafLo[row]!;
  const wantHi = codec.leafHi[row]!;
  const readOnly = (flags & ~(MmuFlags.USER | MmuFlags.CACHE_MASK)) === MmuFlags.READ;
  const sameFrame = codec.tablePfn(lo, hi) === pfn;
  if (sameFrame && readOnly) return false;
  if (!sameFrame && readOnly && quirks.upgradesWithoutBreak) {
    tree.writeLeaf(slot, pfn, wantLo, wantHi);
    return false;
  }
  const sameCache =
    ((lo ^ wantLo) & codec.fixedLo[0]!) === 0 && ((hi ^ wantHi) & codec.fixedHi[0]!) === 0;
  if (sameFrame && sameCache) {
    rewritePermissions(tree, vpn, slot, wantLo, wantHi);
    return false;
  }
  tree.clear(slot);
  tree.counts[tree.tableAt(0)]!--;
  tree.batch.addPage(vpn);
  return true;
}

/** Same frame, same cache policy: legal on a live entry, so no break. */
function rewritePermissions(
  tree: TableTree,
  vpn: Vpn,
  slot: number,
  wantLo: number,
  wantHi: number,
): void {
  const { codec, words } = tree;
  const maskLo = codec.permissionLo[0]!;
  const maskHi = codec.permissionHi[0]!;
  const lo = words[slot]!;
  const hi = words[slot + 1]!;
  const newLo = (lo & ~maskLo) | (wantLo & maskLo) | codec.reviveLo;
  const newHi = (hi & ~maskHi) | (wantHi & maskHi) | codec.reviveHi;
  words[slot + 1] = newHi;
  words[slot] = newLo;
  if ((((lo ^ newLo) & maskLo) | ((hi ^ newHi) & maskHi)) !== 0) tree.batch.addPage(vpn);
}

/**
 * The leaf table of `vpn`, built if it is missing, with the path to it marked as accessed. NO_FRAME
 * when a large leaf maps the page (only Skip leaves one in place).
 */
function reachLeafTable(tree: TableTree, vpn: Vpn): Pfn {
  const lastTable = tree.lastMarkedTable(vpn);
  if (lastTable !== NO_FRAME) return lastTable;
  if (tree.descend(vpn) === ABSENT) tree.growTo(vpn, 0);
  if (tree.level !== 0) return NO_FRAME;
  tree.markPath();
  tree.rememberMarked(vpn);
  return tree.tableAt(0);
}

/** Fills the absent entries among `run` entries of a leaf table, leaves the others alone. */
function installRun(tree: TableTree, request: MapRequest, table: Pfn, vpn: Vpn, run: number): void {
  const { codec, words } = tree;
  const { pfns, flags } = request;
  const row = flags * codec.levels;
  const lo = codec.leafLo[row]!;
  const hi = codec.leafHi[row]!;
  const { frameBit, hiScale, lowFrames } = codec;
  const start = (vpn - request.vpn) | 0;
  const first = tree.slotOf(table, vpn, 0);
  let installed = 0;
  for (let i = 0; i < run; i++) {
    const slot = first + (i << 1);
    if (words[slot] !== 0) continue;
    const pfn = pfns[start + i]!;
    words[slot | 1] = pfn < lowFrames ? hi : (pfn * hiScale) | hi;
    words[slot] = (pfn << frameBit) | lo;
    installed++;
  }
  tree.counts[table]! += installed;
}
