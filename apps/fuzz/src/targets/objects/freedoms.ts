import type { CowNode } from "@aspace/vm";
import { markerCell } from "./model/cell.ts";
import type { ModelNode } from "./model/model-node.ts";
import type { World } from "./world.ts";

/**
 * What the rules leave open the model takes from the real nodes: whether a lazy clone that had siblings keeps an explicit zero
 * or a smaller window where it zeroed something. Either way the page is zero for good.
 */
export function adoptFreedoms(world: World): void {
  for (const { object, model } of world.residents) {
    const { node } = model;
    if (node.window !== null && node.siblings.size === 1) adoptZeroes(world, object.node, node);
  }
}

function adoptZeroes({ onlooker }: World, real: CowNode, node: ModelNode): void {
  const window = node.window!;
  for (let page = 0; page < node.sizePages; page++) {
    const cell = node.cells.get(page);
    const { own, shown } = onlooker.see(real, page);
    const isClosed = own === "nothing" && shown === "nothing" && page >= real.parentLimit;
    if (cell?.kind === "marker" && isClosed) {
      node.cells.delete(page);
      window.limit = Math.min(window.limit, real.parentLimit);
    }
    if (cell === undefined && own === "marker" && page >= window.limit)
      node.cells.set(page, markerCell());
  }
}
