import type { OperationKind } from "./operation.ts";

/**
 * Share of the 256 opcodes that each kind has. What an opcode means depends on nothing else (F-3). A line is a group
 * that the swarm mask can switch off (F-7).
 */
const GROUPS: readonly (readonly (readonly [OperationKind, number])[])[] = [
  [
    ["map", 36],
    ["mapRange", 6],
  ],
  [
    ["createRegion", 9],
    ["destroyRegion", 4],
  ],
  [
    ["unmap", 8],
    ["unmapPartly", 2],
  ],
  [
    ["protect", 12],
    ["mappingProtect", 10],
  ],
  [["operate", 14]],
  [["prioritize", 5]],
  [
    ["mappingUnmap", 9],
    ["mappingDestroy", 2],
    ["mappingDecommit", 3],
    ["attribute", 1],
  ],
  [["merge", 10]],
  [
    ["create", 7],
    ["drop", 3],
  ],
  [
    ["write", 6],
    ["commit", 5],
    ["decommit", 3],
    ["zero", 4],
  ],
  [
    ["pin", 2],
    ["unpin", 1],
    ["resize", 5],
    ["snapshot", 6],
  ],
  [
    ["supply", 7],
    ["fail", 1],
    ["dirty", 4],
    ["writebackBegin", 2],
    ["writebackEnd", 2],
    ["detach", 1],
  ],
  [
    ["access", 33],
    ["softFault", 3],
    ["accessedFault", 2],
  ],
  [
    ["switch", 3],
    ["prefetch", 1],
    ["harvest", 3],
    ["dropTables", 1],
    ["recreate", 1],
  ],
  [
    ["failAllocation", 6],
    ["memory", 2],
  ],
  [
    ["serve", 5],
    ["resume", 5],
    ["interrupt", 1],
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
