import type { Cell } from "./cell.ts";
import { ZERO, type PageValue } from "./page-value.ts";
import { valueOf } from "./cell.ts";
import type { ModelSource } from "./model-source.ts";

/** Where pages come from that a node does not have. */
export const NodeType = {
  ANONYMOUS: "anonymous",
  CONTIGUOUS: "contiguous",
  PAGER: "pager",
} as const;
export type NodeType = (typeof NodeType)[keyof typeof NodeType];

/** A lazy clone's view of the node it was cloned from: pages below `limit`, which lie there from `offset` on. */
export interface Window {
  node: ModelNode;
  offset: number;
  limit: number;
}

/** What the model finds at a page. */
export interface Found {
  readonly node: ModelNode;
  readonly page: number;
  readonly cell: Cell | null;
}

/**
 * The content behind one or more objects, flat: a cell for each page. A snapshot copies all cells at
 * once, so nothing is shared and there is no tree, but for lazy clones under a pager, which look through a
 * window at their parent for as long as they have no cell of their own.
 *
 *     pager root   [a][b][ ][d]         no cell: absent, the pager has it
 *                      │  │
 *     lazy clone      [ ][x]            no cell: what the root has; cell: its own
 *
 * What snapshots do leave behind is who parted from whom (`siblings`): while a sibling lives, an operation
 * that needs a node without a past is refused.
 */
export class ModelNode {
  readonly type: NodeType;
  sizePages: number;
  readonly cells: Map<number, Cell> = new Map();
  window: Window | null = null;
  /** Nodes whose window shows this one. */
  readonly lookers: Set<ModelNode> = new Set();
  /** This node and all that share its hidden past. */
  siblings: Set<ModelNode>;
  readonly source: ModelSource | null;
  /** Objects that use the node: its own, slices, references. */
  users = 0;
  /** Mappings of high priority. */
  highMappings = 0;
  /** Whether a pager's content changed since somebody last asked. */
  isModified = false;
  readonly mayWait: boolean;

  constructor(
    type: NodeType,
    sizePages: number,
    options: { readonly mayWait: boolean; readonly source?: ModelSource },
  ) {
    this.type = type;
    this.sizePages = sizePages;
    this.mayWait = options.mayWait;
    this.source = options.source ?? null;
    this.siblings = new Set([this]);
  }

  /** The node with the pager, or the node itself. */
  get root(): ModelNode {
    return this.window === null ? this : this.window.node.root;
  }

  get isUnderPager(): boolean {
    return this.root.source !== null;
  }

  /** Whether the node came from another one that is still of consequence. */
  get hasParent(): boolean {
    return this.window !== null || this.siblings.size > 1;
  }

  /** The first cell on the way up the windows. Without one, the last node asked. */
  find(page: number): Found {
    const cell = this.cells.get(page) ?? null;
    const { window } = this;
    if (cell !== null || window === null || page >= window.limit) return { node: this, page, cell };
    return window.node.find(page + window.offset);
  }

  /** What a read would return, or null when only the pager knows. */
  contentAt(page: number): PageValue | null {
    const { node, cell } = this.find(page);
    if (cell !== null) return valueOf(cell);
    return node.source === null ? ZERO : null;
  }

  /** The node's own cell, unless it shares it with siblings. */
  ownCell(page: number): Cell | null {
    const cell = this.cells.get(page);
    return cell === undefined || cell.isInherited ? null : cell;
  }

  pinsAt(page: number): number {
    const cell = this.cells.get(page);
    return cell?.kind === "page" ? cell.pins : 0;
  }

  isPinnedBetween(from: number, end: number): boolean {
    for (const page of this.cells.keys()) {
      if (page >= from && page < end && this.pinsAt(page) > 0) return true;
    }
    return false;
  }

  /** Reasons for high priority: mappings, and each child that has a reason itself; siblings have one parent. */
  get priority(): number {
    const groups = new Set<Set<ModelNode>>();
    for (const looker of this.lookers) {
      for (const each of looker.siblings) if (each.priority > 0) groups.add(looker.siblings);
    }
    return this.highMappings + groups.size;
  }

  openWindow(window: Window): void {
    this.window = window;
    window.node.lookers.add(this);
  }
}
