import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { ALL_RIGHTS, PAGE, addressOf, handleTo } from "../../test/call-situation.ts";
import { FaultKind, SmallAspace } from "../../test/small-aspace.ts";
import type { VmMapping } from "../regions/vm-mapping.ts";
import { Right } from "./rights.ts";
import { VmOption } from "./vmar-options.ts";
import { vmarProtect } from "./vmar-protect.ts";

const { PERM_READ, PERM_WRITE, PERM_EXECUTE, PERM_READ_IF_XOM_UNSUPPORTED } = VmOption;

/** Four written pages at page 8. */
function writtenWorld(): { world: SmallAspace; mapping: VmMapping } {
  const world = new SmallAspace();
  const mapping = world.map({ object: world.object(4), at: 8, count: 4 });
  for (let page = 8; page < 12; page++) world.write(page, page);
  return { world, mapping };
}

test("S-4 V-11: a range has other permissions, rounded up to pages, and so have its entries", () => {
  const { world, mapping } = writtenWorld();
  const root = handleTo(world.root, Right.READ);
  expect(vmarProtect(root, PERM_READ, addressOf(9), PAGE + 1n)).toBe(Status.OK);
  expect([world.ranges(mapping), world.draw(8, 4)]).toEqual(["wrrw", "wrrw"]);
  expect(world.write(9, 1)).toBe(Status.ACCESS_DENIED);
  world.validate();
});

test("S-4: no permission takes the entries out, needs no right, and can be undone", () => {
  const { world, mapping } = writtenWorld();
  expect(vmarProtect(handleTo(world.root, 0), 0, addressOf(8), 2n * PAGE)).toBe(Status.OK);
  expect([world.ranges(mapping), world.draw(8, 4)]).toEqual(["--ww", "--ww"]);
  const both = PERM_READ | PERM_WRITE;
  expect(vmarProtect(handleTo(world.root), both, addressOf(8), PAGE)).toBe(Status.OK);
  expect([world.write(8, 3), world.read(8)]).toEqual([Status.OK, 3]);
  world.validate();
});

test("S-4: executing is reading too where that was asked for, which needs the right to", () => {
  const { world } = writtenWorld();
  const options = PERM_EXECUTE | PERM_READ_IF_XOM_UNSUPPORTED;
  const unread = handleTo(world.root, ALL_RIGHTS & ~Right.READ);
  expect(vmarProtect(unread, options, addressOf(8), PAGE)).toBe(Status.ACCESS_DENIED);
  expect(vmarProtect(handleTo(world.root), options, addressOf(8), PAGE)).toBe(Status.OK);
  expect(world.fault(8, FaultKind.FETCH)).toBe(Status.OK);
  expect(world.draw(8, 4)).toBe("xwww");
});

test("S-4 I-39: a second time nothing is done to the page tables", () => {
  const { world } = writtenWorld();
  const protect = (): Status =>
    vmarProtect(handleTo(world.root), PERM_READ, addressOf(8), 4n * PAGE);
  expect(protect()).toBe(Status.OK);
  const before = world.draw(8, 4);
  expect([protect(), world.draw(8, 4)]).toEqual([Status.OK, before]);
});
