import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { PAGE, addressOf, handleTo } from "../../test/call-situation.ts";
import { SmallAspace, drive } from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import { destroy } from "../regions/mapping-unmap.ts";
import { VmarOp, vmarOpRange, type OpRangeArguments } from "./vmar-op-range.ts";

const { COMMIT, DECOMMIT, MAP_RANGE, DONT_NEED, ALWAYS_NEED } = VmarOp;

/** On all four pages of a mapping at page 8, by a handle without any right. */
function callOf(world: SmallAspace, op: number): OpRangeArguments {
  return {
    vmar: handleTo(world.root, 0),
    op,
    address: addressOf(8),
    length: 4n * PAGE,
    buffer: 0n,
    bufferSize: 0n,
  };
}

test("S-6 V-13: every operation by its number", () => {
  const world = new SmallAspace();
  const object = world.object(4);
  world.map({ object, at: 8, count: 4 });
  world.commit(object, 1, 1);
  const seen = (op: number): readonly [Status, string] => [
    run(vmarOpRange(callOf(world, op))),
    world.draw(8, 4),
  ];
  expect(seen(MAP_RANGE)).toEqual([Status.OK, "-w--"]);
  expect(seen(COMMIT)).toEqual([Status.OK, "wwww"]);
  expect(seen(DONT_NEED)).toEqual([Status.OK, "wwww"]);
  expect(seen(DECOMMIT)).toEqual([Status.OK, "----"]);
  expect(seen(ALWAYS_NEED)[0]).toBe(Status.OK);
  expect(VmarOp).toEqual({ COMMIT: 1, DECOMMIT: 2, MAP_RANGE: 3, DONT_NEED: 12, ALWAYS_NEED: 13 });
  world.validate();
});

test("S-6: a number that names no operation is INVALID_ARGS", () => {
  const world = new SmallAspace();
  world.map({ object: world.object(4), at: 8, count: 4 });
  for (const op of [-1, 0, 4, 5, 6, 7, 8, 9, 10, 11, 14, 2 ** 32 + 1]) {
    expect(run(vmarOpRange(callOf(world, op))), `operation ${op}`).toBe(Status.INVALID_ARGS);
  }
});

test("S-6: a length is rounded up to pages", () => {
  const world = new SmallAspace();
  world.map({ object: world.object(4), at: 8, count: 4 });
  const call = { ...callOf(world, COMMIT), address: addressOf(9), length: PAGE + 1n };
  expect(run(vmarOpRange(call))).toBe(Status.OK);
  expect(world.draw(8, 4)).toBe("-ww-");
});

test("S-6 V-13 L-4: COMMIT waits for a pager with no lock held, and then maps what came", () => {
  const world = new SmallAspace();
  const object = world.pagerObject(4);
  world.map({ object, at: 8, count: 4 });
  const asked: string[] = [];
  const status = drive(vmarOpRange(callOf(world, COMMIT)), ({ page, count }) => {
    world.system.memory.locks.assertNoneHeld("the wait");
    asked.push(`${page}+${count}`);
    world.supply(object, page, count);
  });
  expect([status, asked, world.draw(8, 4)]).toEqual([Status.OK, ["0+4"], "rrrr"]);
  world.validate();
});

test("S-6 V-13: what happens to the mapping during the wait is the answer", () => {
  const world = new SmallAspace();
  const object = world.pagerObject(4);
  const mapping = world.map({ object, at: 8, count: 4 });
  const status = drive(vmarOpRange(callOf(world, COMMIT)), ({ page, count }) => {
    destroy(mapping);
    world.supply(object, page, count);
  });
  expect([status, world.draw(8, 4)]).toEqual([Status.BAD_STATE, "----"]);
  world.validate();
});
