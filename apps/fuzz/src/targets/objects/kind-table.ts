import type { OperationKind } from "./operation.ts";

/**
 * Share of the 256 opcodes that each kind has. What an opcode means depends on nothing else (F-3). A line is a group
 * that the swarm mask can switch off (F-7).
 */
const GROUPS: readonly (readonly (readonly [OperationKind, number])[])[] = [
  [["create", 6]],
  [["clone", 18]],
  [
    ["slice", 5],
    ["reference", 4],
  ],
  [["drop", 10]],
  [
    ["read", 12],
    ["lookup", 2],
    ["lookupContiguous", 2],
    ["takeModified", 2],
  ],
  [["write", 22]],
  [
    ["commit", 10],
    ["decommit", 5],
  ],
  [["zero", 14]],
  [
    ["resize", 9],
    ["setSize", 4],
  ],
  [
    ["pin", 8],
    ["unpin", 5],
  ],
  [
    ["take", 4],
    ["supplyList", 3],
  ],
  [
    ["supply", 10],
    ["serve", 10],
    ["fail", 2],
    ["closePager", 1],
    ["detach", 2],
    ["misuse", 1],
  ],
  [
    ["dirty", 4],
    ["enumerateDirty", 1],
    ["writebackBegin", 5],
    ["writebackEnd", 5],
  ],
  [
    ["hint", 3],
    ["lock", 4],
    ["discard", 2],
    ["setCachePolicy", 2],
    ["evict", 5],
    ["beginCompression", 4],
    ["finishCompression", 3],
    ["dedup", 3],
    ["scan", 2],
  ],
  [
    ["map", 3],
    ["unmap", 2],
    ["fault", 9],
    ["prioritize", 3],
    ["commitHighPriority", 2],
  ],
  [
    ["memory", 3],
    ["failAllocation", 4],
    ["delayAllocation", 3],
    ["resume", 10],
    ["interrupt", 3],
  ],
];

export const KIND_WEIGHTS: readonly (readonly [OperationKind, number])[] = GROUPS.flat();

export const KINDS: readonly OperationKind[] = KIND_WEIGHTS.map(([kind]) => kind);

/** For each kind, the bit of the swarm mask that switches it off. */
export const KIND_GROUPS: readonly number[] = GROUPS.flatMap((group, bit) => group.map(() => bit));

/** For each opcode, the index of its kind. */
export const OPCODES: Uint8Array = Uint8Array.from(
  KIND_WEIGHTS.flatMap(([, weight], kind) => Array.from({ length: weight }, () => kind)),
);
