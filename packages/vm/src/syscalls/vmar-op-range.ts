import { Status } from "@aspace/arch";
import { type Blocking } from "../objects/blocking.ts";
import { isPageAligned } from "../objects/byte-range.ts";
import { RegionOperation, operateOnRange } from "../regions/region-operation.ts";
import { pageAt, wrappedPagesIn } from "./byte-arguments.ts";
import { opChildrenBy, type VmarHandle } from "./rights.ts";

/** Operations on a range, with Zircon's numbers (ZX_VMAR_OP_*). */
export const VmarOp = {
  COMMIT: 1,
  DECOMMIT: 2,
  MAP_RANGE: 3,
  DONT_NEED: 12,
  ALWAYS_NEED: 13,
} as const;

const OPERATIONS: ReadonlyMap<number, RegionOperation> = new Map([
  [VmarOp.COMMIT, RegionOperation.COMMIT],
  [VmarOp.DECOMMIT, RegionOperation.DECOMMIT],
  [VmarOp.MAP_RANGE, RegionOperation.MAP_RANGE],
  [VmarOp.DONT_NEED, RegionOperation.DONT_NEED],
  [VmarOp.ALWAYS_NEED, RegionOperation.ALWAYS_NEED],
]);

/** The arguments of `vmarOpRange`. Addresses and lengths are unsigned 64-bit numbers of bytes. */
export interface OpRangeArguments {
  readonly vmar: VmarHandle;
  /** One of `VmarOp`. */
  readonly op: number;
  readonly address: bigint;
  readonly length: bigint;
  /** Address and size of a buffer, which no operation takes. */
  readonly buffer: bigint;
  readonly bufferSize: bigint;
}

/**
 * zx_vmar_op_range: does something to all that is mapped in `length` bytes, rounded up to pages (S-6). INVALID_ARGS for an
 * operation that is none, a buffer, a length that is 0 or cannot be rounded up, an unaligned address; then as
 * `operateOnRange` says. No operation needs a right.
 */
export function* vmarOpRange(call: OpRangeArguments): Blocking<Status> {
  const { vmar, address } = call;
  const operation = OPERATIONS.get(call.op);
  const count = wrappedPagesIn(call.length);
  const hasBuffer = call.buffer !== 0n || call.bufferSize !== 0n;
  if (operation === undefined || hasBuffer) return Status.INVALID_ARGS;
  if (!isPageAligned(address)) return Status.INVALID_ARGS;
  return yield* operateOnRange(vmar.object, operation, pageAt(address), count, opChildrenBy(vmar));
}
