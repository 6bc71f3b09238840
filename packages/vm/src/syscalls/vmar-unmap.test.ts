import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { ALL_RIGHTS, PAGE, addressOf, handleTo } from "../../test/call-situation.ts";
import { SmallAspace } from "../../test/small-aspace.ts";
import { Right } from "./rights.ts";
import { vmarUnmap } from "./vmar-unmap.ts";

/** Four written pages at page 8. */
function writtenWorld(): SmallAspace {
  const world = new SmallAspace();
  world.map({ object: world.object(4), at: 8, count: 4 });
  for (let page = 8; page < 12; page++) world.write(page, page);
  return world;
}

test("S-3 V-10: a range is unmapped, rounded up to pages, and its entries go", () => {
  const world = writtenWorld();
  expect(vmarUnmap(handleTo(world.root), addressOf(9), PAGE + 1n)).toBe(Status.OK);
  expect([world.draw(8, 4), world.root.regions.count]).toEqual(["w--w", 2]);
  world.validate();
});

test("S-3 I-39: unmapping needs no right, and again changes nothing", () => {
  const world = writtenWorld();
  const root = handleTo(world.root, 0);
  for (let times = 0; times < 2; times++) {
    expect(vmarUnmap(root, addressOf(0), 32n * PAGE)).toBe(Status.OK);
    expect([world.draw(8, 4), world.root.regions.count]).toEqual(["----", 0]);
  }
  world.validate();
});

test("S-3: a sub-region goes with everything in it by a handle that may reach into it", () => {
  const world = new SmallAspace();
  const parent = world.region(8, 8);
  world.map({ object: world.object(4), at: 10, count: 4, parent });
  const weak = handleTo(world.root, ALL_RIGHTS & ~Right.OP_CHILDREN);
  expect(vmarUnmap(weak, addressOf(8), 8n * PAGE)).toBe(Status.INVALID_ARGS);
  expect(vmarUnmap(handleTo(world.root), addressOf(8), 8n * PAGE)).toBe(Status.OK);
  expect([world.root.regions.count, parent.isAlive]).toEqual([0, false]);
  world.validate();
});
