import { FRAME_WORDS, KernelPanic, formatAddress, type Pfn } from "@aspace/arch";
import type { TableTree } from "./table-tree.ts";

/**
 * Recounts a whole tree from scratch. Throws the rule that does not hold: P-R1 for structure
 * (zero not-present entries, counts, no empty table, no frame linked twice), P-U5 for the table count.
 * Whether entries have reserved bits set is for an MMU to say, not for us.
 */
export function validateTree(tree: TableTree): void {
  const seen = new Set<Pfn>();
  visit(tree, tree.root, tree.topLevel, seen);
  if (seen.size !== tree.tableCount) {
    throw new KernelPanic("P-U5", `${seen.size} tables linked, ${tree.tableCount} counted`);
  }
}

function visit(tree: TableTree, table: Pfn, level: number, seen: Set<Pfn>): void {
  if (seen.has(table)) throw new KernelPanic("P-R1", `table ${formatAddress(table)} linked twice`);
  seen.add(table);
  let live = 0;
  for (let index = 0; index < tree.codec.entries; index++) {
    if (level === tree.topLevel && tree.isForeign(index)) continue;
    const slot = table * FRAME_WORDS + 2 * index;
    const lo = tree.words[slot]!;
    const hi = tree.words[slot + 1]!;
    if ((lo & tree.codec.format.presentLo) === 0) {
      if ((lo | hi) !== 0) {
        throw new KernelPanic(
          "P-R1",
          `not-present entry ${index} of ${formatAddress(table)} is not 0`,
        );
      }
      continue;
    }
    live++;
    if (tree.codec.isLeaf(lo, level)) continue;
    const child = tree.codec.tablePfn(lo, hi);
    const prebuilt = level === tree.topLevel && tree.isPrebuiltIndex(index);
    if (!prebuilt && tree.counts[child] === 0) {
      throw new KernelPanic("P-R1", `table ${formatAddress(child)} is empty (invariant E)`);
    }
    visit(tree, child, level - 1, seen);
  }
  const counted = tree.counts[table]!;
  if (counted !== live) {
    throw new KernelPanic("P-R1", `table ${formatAddress(table)} counts ${counted}, has ${live}`);
  }
}
