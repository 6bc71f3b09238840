import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { PAGE, addressOf, handleTo, made, statusOf } from "../../test/call-situation.ts";
import { SmallAspace } from "../../test/small-aspace.ts";
import { VmarFlags } from "../regions/vmar-flags.ts";
import { Right } from "./rights.ts";
import { vmarAllocate } from "./vmar-allocate.ts";
import { ALIGN_SHIFT, VmOption } from "./vmar-options.ts";

const { SPECIFIC, OFFSET_IS_UPPER_LIMIT, COMPACT, CAN_MAP_SPECIFIC } = VmOption;
const { CAN_MAP_READ, CAN_MAP_WRITE, CAN_MAP_EXECUTE } = VmOption;

test("S-1: a region is where it was asked for, below a limit, or at the first place that fits and is aligned", () => {
  const world = new SmallAspace();
  const root = handleTo(world.root);
  const at = (options: number, offset: bigint): bigint =>
    made(vmarAllocate(root, options, offset, 2n * PAGE)).address;
  expect(at(SPECIFIC, 3n * PAGE)).toBe(addressOf(3));
  expect(at(0, 0n)).toBe(addressOf(0));
  expect(at((14 << ALIGN_SHIFT) >>> 0, 0n)).toBe(addressOf(8));
  expect(at(OFFSET_IS_UPPER_LIMIT, 7n * PAGE)).toBe(addressOf(5));
  expect(world.root.regions.count).toBe(4);
  world.validate();
});

test("S-1: the handle may map what the options say, and reach into its region", () => {
  const { root } = new SmallAspace();
  const cases = [
    [CAN_MAP_READ, Right.READ, VmarFlags.CAN_MAP_READ],
    [CAN_MAP_WRITE, Right.WRITE, VmarFlags.CAN_MAP_WRITE],
    [CAN_MAP_EXECUTE, Right.EXECUTE, VmarFlags.CAN_MAP_EXECUTE],
    [COMPACT, 0, VmarFlags.COMPACT],
  ] as const;
  for (const [option, right, flag] of cases) {
    const { handle } = made(vmarAllocate(handleTo(root), option, 0n, PAGE));
    expect([handle.rights, handle.object.flags]).toEqual([Right.OP_CHILDREN | right, flag]);
  }
});

test("S-1: a region whose children may choose their place can be in one whose children may not", () => {
  const { root } = new SmallAspace();
  const outer = made(vmarAllocate(handleTo(root), 0, 0n, 4n * PAGE)).handle;
  const inner = made(vmarAllocate(outer, CAN_MAP_SPECIFIC, 0n, 2n * PAGE)).handle;
  expect(statusOf(vmarAllocate(inner, SPECIFIC, PAGE, PAGE))).toBe(Status.OK);
  expect(statusOf(vmarAllocate(outer, SPECIFIC, 3n * PAGE, PAGE))).toBe(Status.ACCESS_DENIED);
});

test("S-1 I-36: without memory for the region, or for its handle, there is no region", () => {
  for (const attempt of [1, 2]) {
    const world = new SmallAspace();
    world.small.system.pmm.failures.failAt(attempt);
    expect(vmarAllocate(handleTo(world.root), 0, 0n, PAGE)).toBe(Status.NO_MEMORY);
    expect(world.root.regions.count).toBe(0);
    world.validate();
  }
});
