import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { PAGE, handleTo, made } from "../../test/call-situation.ts";
import { SmallAspace } from "../../test/small-aspace.ts";
import { vmarAllocate } from "./vmar-allocate.ts";
import { vmarDestroy } from "./vmar-destroy.ts";

test("S-5 V-12: a region ends with all that is in it, and its entries go; the rest stays", () => {
  const world = new SmallAspace();
  const parent = world.region(8, 8);
  world.map({ object: world.object(4), at: 10, count: 4, parent });
  world.map({ object: world.object(4), at: 20, count: 4 });
  for (const page of [10, 13, 20]) world.write(page, page);
  expect(vmarDestroy(handleTo(parent))).toBe(Status.OK);
  expect(world.draw(8, 16)).toBe("------------w---");
  expect([parent.isAlive, world.root.regions.count]).toEqual([false, 1]);
  expect(vmarDestroy(handleTo(parent))).toBe(Status.BAD_STATE);
  world.validate();
});

test("S-1 S-5: who allocated a region may destroy it, whatever may be mapped there", () => {
  const { root } = new SmallAspace();
  const { handle } = made(vmarAllocate(handleTo(root), 0, 0n, PAGE));
  expect([vmarDestroy(handle), root.regions.count]).toEqual([Status.OK, 0]);
});
