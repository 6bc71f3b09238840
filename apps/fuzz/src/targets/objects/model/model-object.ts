import { type ModelNode, NodeType } from "./model-node.ts";

/** How an object uses its node. */
export const Use = { OWNER: "owner", SLICE: "slice", REFERENCE: "reference" } as const;
export type Use = (typeof Use)[keyof typeof Use];

/** What became of a discardable object's content. */
export const LockState = {
  UNSET: "unset",
  LOCKED: "locked",
  UNLOCKED: "unlocked",
  DISCARDED: "discarded",
} as const;
export type LockState = (typeof LockState)[keyof typeof LockState];

export const CACHED = 0;

export interface ModelObjectOptions {
  readonly node: ModelNode;
  readonly use: Use;
  readonly isResizable: boolean;
  readonly isDiscardable?: boolean;
  /** Every page is pinned once for as long as the object lives. */
  readonly isAlwaysPinned?: boolean;
  readonly parent?: ModelObject | null;
  readonly policy?: number;
  /** Pages, of a slice. */
  readonly slice?: { readonly offset: number; readonly count: number };
}

/** What a handle names: a node, or part of one, and what only matters to handles. */
export class ModelObject {
  readonly node: ModelNode;
  readonly use: Use;
  readonly isResizable: boolean;
  readonly isDiscardable: boolean;
  readonly isAlwaysPinned: boolean;
  /** Page of the node at which a slice begins. */
  readonly sliceOffset: number;
  private readonly slicePages: number | null;
  policy: number;
  parent: ModelObject | null;
  readonly children: Set<ModelObject> = new Set();
  /** How often the last of its children went. */
  farewells = 0;
  isMapped = false;
  /** Mappings of high priority. */
  highMappings = 0;
  lockState: LockState = LockState.UNSET;
  lockCount = 0;
  /** Handle, mapping, pins, operations under way. */
  holders = 1;

  constructor(options: ModelObjectOptions) {
    const { node, use, parent = null, slice } = options;
    this.node = node;
    this.use = use;
    this.isResizable = options.isResizable;
    this.isDiscardable = options.isDiscardable ?? false;
    this.isAlwaysPinned = options.isAlwaysPinned ?? false;
    this.policy = options.policy ?? CACHED;
    this.parent = parent;
    this.sliceOffset = slice?.offset ?? 0;
    this.slicePages = slice?.count ?? null;
    node.users++;
    parent?.children.add(this);
  }

  get sizePages(): number {
    return this.slicePages ?? this.node.sizePages;
  }

  get isContiguous(): boolean {
    return this.node.type === NodeType.CONTIGUOUS;
  }

  get isDiscarded(): boolean {
    return this.lockState === LockState.DISCARDED;
  }

  /** Whether the node's own object still lives; slices and references do not count. */
  get isAlive(): boolean {
    return this.holders > 0;
  }
}
