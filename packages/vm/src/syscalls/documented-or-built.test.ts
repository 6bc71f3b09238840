/** Where the documentation of the calls and the kernel disagree, this is the kernel (S-7). */
import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { PAGE, addressOf, handleTo, made, statusOf } from "../../test/call-situation.ts";
import { SmallAspace } from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import type { VmObjectPaged } from "../objects/vm-object-paged.ts";
import { vmarAllocate } from "./vmar-allocate.ts";
import { vmarMap } from "./vmar-map.ts";
import { VmarOp, vmarOpRange } from "./vmar-op-range.ts";
import { VmOption } from "./vmar-options.ts";
import { vmarProtect } from "./vmar-protect.ts";
import { vmarUnmap } from "./vmar-unmap.ts";

const { PERM_READ } = VmOption;

function map(world: SmallAspace, object: VmObjectPaged, length: bigint): Status {
  const vmar = handleTo(world.root);
  const offsets = { vmarOffset: 0n, vmoOffset: 0n };
  const call = { vmar, vmo: handleTo(object), options: PERM_READ, ...offsets, length };
  return statusOf(run(vmarMap(call)));
}

test("S-7: an unaligned length is an error in the documentation, and rounded up in the kernel", () => {
  const world = new SmallAspace();
  const vmar = handleTo(world.root);
  const address = addressOf(0);
  expect(map(world, world.object(4), 3n * PAGE + 1n)).toBe(Status.OK);
  expect(vmarProtect(vmar, PERM_READ, address, 1n)).toBe(Status.OK);
  const none = { buffer: 0n, bufferSize: 0n };
  const op = { vmar, op: VmarOp.MAP_RANGE, address, length: 4095n, ...none };
  expect(run(vmarOpRange(op))).toBe(Status.OK);
  expect(vmarUnmap(vmar, address, 3n * PAGE + 1n)).toBe(Status.OK);
  expect(world.root.regions.count).toBe(0);
});

test("S-7: unmapping a hole is NOT_FOUND in the documentation, and OK in the kernel", () => {
  const world = new SmallAspace();
  expect(vmarUnmap(handleTo(world.root), addressOf(3), PAGE)).toBe(Status.OK);
});

test("S-7: no room for a region is NO_MEMORY in the documentation, and NO_RESOURCES in the kernel", () => {
  const world = new SmallAspace({ pageCount: 4 });
  const root = handleTo(world.root);
  expect(statusOf(vmarAllocate(root, 0, 0n, 3n * PAGE))).toBe(Status.OK);
  expect(vmarAllocate(root, 0, 0n, 2n * PAGE)).toBe(Status.NO_RESOURCES);
});

test("S-7: memory that may fault needs ALLOW_FAULTS in the documentation, in the kernel only when discardable", () => {
  const world = new SmallAspace();
  expect(map(world, world.object(4, { resizable: true }), PAGE)).toBe(Status.OK);
  expect(map(world, world.pagerObject(4), PAGE)).toBe(Status.OK);
  expect(map(world, world.object(4), 5n * PAGE)).toBe(Status.OK);
  expect(map(world, world.object(4, { discardable: true }), PAGE)).toBe(Status.NOT_SUPPORTED);
});

test("S-7: no region is at address 0, but only because no process's addresses begin there", () => {
  const world = new SmallAspace({ baseVpn: 0 });
  expect(made(vmarAllocate(handleTo(world.root), 0, 0n, PAGE)).address).toBe(0n);
});
