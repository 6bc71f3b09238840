import { Status } from "@aspace/arch";
import { Dirt, pageCell, valueOf } from "./cell.ts";
import type { Found, ModelNode } from "./model-node.ts";
import { Ask, type ModelSource } from "./model-source.ts";
import { ZERO } from "./page-value.ts";
import type { Wait } from "./steps.ts";

/** What is wanted of a page: to look at it, to have it in the node itself, or to write it. */
export const Want = { LOOK: "look", OWN: "own", WRITE: "write" } as const;
export type Want = (typeof Want)[keyof typeof Want];

/**
 * The table of the lookup cursor (section 3 of the object rules): makes a page of a node ready for what is
 * wanted, or says what must be waited for. A wait asks for at most `most` pages.
 */
export function touch(node: ModelNode, page: number, want: Want, most: number): Status | Wait {
  const found = node.find(page);
  if (found.cell === null && found.node.source !== null) {
    return ask(found.node.source, Ask.READ, found.page, absentRun(node, page, found, most));
  }
  if (want === Want.LOOK) return Status.OK;
  if (node.source !== null) return touchTracked(node, node.source, page, want, most);
  if (node.ownCell(page)?.kind !== "page") {
    node.cells.set(page, pageCell(found.cell === null ? ZERO : valueOf(found.cell)));
  }
  return Status.OK;
}

/** A page of a pager's own node, which is there in some form. */
function touchTracked(
  node: ModelNode,
  source: ModelSource,
  page: number,
  want: Want,
  most: number,
): Status | Wait {
  const cell = node.cells.get(page)!;
  if (cell.kind === "marker" && want === Want.OWN) {
    node.cells.set(page, pageCell(ZERO, Dirt.CLEAN));
    return Status.OK;
  }
  if (cell.kind === "page" && (want === Want.OWN || cell.dirt === Dirt.DIRTY)) return Status.OK;
  if (source.trapsDirty) return ask(source, Ask.DIRTY, page, undirtyRun(node, page, most));
  if (cell.kind !== "page") node.cells.set(page, pageCell(ZERO, Dirt.DIRTY));
  else dirtyRun(node, page, most);
  return Status.OK;
}

function ask(source: ModelSource, what: Ask, page: number, count: number): Status | Wait {
  return source.isGone ? Status.BAD_STATE : { kind: "wait", ask: what, source, page, count };
}

/** Pages side by side that are as absent as the one found. */
function absentRun(node: ModelNode, page: number, found: Found, most: number): number {
  let run = 1;
  for (; run < most; run++) {
    const next = node.find(page + run);
    if (next.cell !== null || next.node !== found.node || next.page !== found.page + run) break;
  }
  return run;
}

/** Pages that need the pager's leave to be written, up to one that does not or is absent. */
function undirtyRun(node: ModelNode, page: number, most: number): number {
  let run = 0;
  for (; run < most; run++) {
    const cell = node.cells.get(page + run);
    if (cell === undefined || (cell.kind === "page" && cell.dirt === Dirt.DIRTY)) break;
  }
  return run;
}

/** Without leave to ask for, a run of real pages becomes dirty at once. */
function dirtyRun(node: ModelNode, page: number, most: number): void {
  for (let at = page; at < page + most; at++) {
    const cell = node.cells.get(at);
    if (cell?.kind !== "page") return;
    cell.dirt = Dirt.DIRTY;
  }
}
