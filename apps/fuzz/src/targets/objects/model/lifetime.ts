import { wholeOf } from "./bounds.ts";
import { unpin } from "./commit.ts";
import type { ModelNode } from "./model-node.ts";
import type { ModelObject } from "./model-object.ts";

/** Lets go of an object; the last one ends it. */
export function release(object: ModelObject): void {
  object.holders--;
  if (object.holders > 0) return;
  const { parent } = object;
  for (const child of object.children) {
    child.parent = parent;
    parent?.children.add(child);
  }
  parent?.children.delete(object);
  if (parent?.children.size === 0) parent.farewells++;
  if (object.isAlwaysPinned && object.sizePages > 0) unpin(object, wholeOf(object));
  object.node.users--;
  tearDown(object.node);
}

/** A node that nobody uses and nobody looks at goes, and may take with it the one it looked at. */
function tearDown(node: ModelNode): void {
  let at: ModelNode | null = node;
  while (at !== null && at.users === 0 && at.lookers.size === 0) {
    at.source?.detach();
    leaveSiblings(at);
    const above: ModelNode | null = at.window?.node ?? null;
    above?.lookers.delete(at);
    at = above;
  }
}

/** The last of several siblings owns alone what they shared. */
function leaveSiblings(node: ModelNode): void {
  const { siblings } = node;
  siblings.delete(node);
  const [last] = siblings;
  if (siblings.size !== 1 || last === undefined) return;
  for (const cell of last.cells.values()) {
    if (cell.kind !== "interval") cell.isInherited = false;
  }
}
