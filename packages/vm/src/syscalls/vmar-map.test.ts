import { MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import {
  ALL_RIGHTS,
  PAGE,
  addressOf,
  handleTo,
  made,
  statusOf,
} from "../../test/call-situation.ts";
import { GUEST, SmallAspace, drive } from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import type { VmObjectPaged } from "../objects/vm-object-paged.ts";
import { setMemoryPriority } from "../regions/region-priority.ts";
import { unmapRegion, OpChildren } from "../regions/region-unmap.ts";
import { VmarFlags } from "../regions/vmar-flags.ts";
import { MemoryPriority } from "../regions/vm-region.ts";
import { Right } from "./rights.ts";
import { vmarMap, type MapArguments } from "./vmar-map.ts";
import { VmOption } from "./vmar-options.ts";

const { PERM_READ, PERM_WRITE, PERM_EXECUTE, SPECIFIC, MAP_RANGE, ALLOW_FAULTS } = VmOption;
const RW_HERE = PERM_READ | PERM_WRITE | SPECIFIC;

/** Four pages at page 8, from page 2 of an object on. */
function callOf(
  world: SmallAspace,
  object: VmObjectPaged,
  changed: Partial<MapArguments> = {},
): MapArguments {
  return {
    vmar: handleTo(world.root),
    options: RW_HERE,
    vmarOffset: 8n * PAGE,
    vmo: handleTo(object),
    vmoOffset: 2n * PAGE,
    length: 4n * PAGE,
    ...changed,
  };
}

function callStatus(call: MapArguments): Status {
  return statusOf(run(vmarMap(call)));
}

describe("zx_vmar_map", () => {
  test("S-2: memory is mapped where it was asked for, from the object's offset on", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const { address, mapping } = made(run(vmarMap(callOf(world, object))));
    expect([address, mapping.pageCount, mapping.objectOffset]).toEqual([addressOf(8), 4, 2]);
    expect(world.draw(8, 4)).toBe("----");
    expect(world.write(9, 77)).toBe(Status.OK);
    const seen = new Uint8Array(1);
    run(object.read(3n * PAGE, seen));
    expect([world.draw(8, 4), seen[0]]).toEqual(["-w--", 77]);
    world.validate();
  });

  test("S-2: a length is rounded up, and may reach past the object", () => {
    const world = new SmallAspace();
    const { mapping } = made(run(vmarMap(callOf(world, world.object(8), { length: 40_961n }))));
    expect(mapping.pageCount).toBe(11);
    world.validate();
  });

  test("S-2: MAP_RANGE maps what the object has at once", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    world.commit(object, 3, 2);
    expect(callStatus(callOf(world, object, { options: RW_HERE | MAP_RANGE }))).toBe(Status.OK);
    expect(world.draw(8, 5)).toBe("-ww--");
    world.validate();
  });

  test("S-2: what MAP_RANGE fails with is returned, and the mapping is gone, the vDSO's code too", () => {
    for (const isVdso of [false, true]) {
      const world = new SmallAspace();
      const object = world.object(8);
      if (isVdso) world.system.vdsoImages.set(object, { codeStartPage: 2, pageCount: 6 });
      world.commit(object, 2, 4);
      world.tables.refusals.set("map", [Status.NO_MEMORY]);
      const options = PERM_READ | PERM_EXECUTE | SPECIFIC | MAP_RANGE;
      const call = callOf(world, object, { options });
      expect(callStatus(call)).toBe(Status.NO_MEMORY);
      expect([world.root.regions.count, object.mappings.size]).toEqual([0, 0]);
      expect(world.aspace.vdsoCodeMapping).toBe(null);
      world.validate();
      expect(callStatus(call)).toBe(Status.OK);
      expect(world.aspace.vdsoCodeMapping !== null).toBe(isVdso);
      world.validate();
    }
  });

  test("S-2: MAP_RANGE of a discarded object is NOT_FOUND, and the mapping is gone", () => {
    const world = new SmallAspace();
    const object = world.object(8, { discardable: true });
    expect(object.tryLockRange(0n, 8n * PAGE)).toBe(Status.OK);
    world.commit(object, 0, 8);
    expect(object.unlockRange(0n, 8n * PAGE)).toBe(Status.OK);
    expect(object.discardable?.discard(0)).toBe(true);
    const options = RW_HERE | MAP_RANGE | ALLOW_FAULTS;
    expect(callStatus(callOf(world, object, { options }))).toBe(Status.NOT_FOUND);
    expect(world.root.regions.count).toBe(0);
    world.validate();
  });

  test("S-2: only a discardable object needs ALLOW_FAULTS, only a resizable one may be refused", () => {
    const world = new SmallAspace();
    const { REQUIRE_NON_RESIZABLE } = VmOption;
    const resizable = callOf(world, world.object(8, { resizable: true }));
    const strict = RW_HERE | REQUIRE_NON_RESIZABLE;
    expect(callStatus({ ...resizable, options: strict })).toBe(Status.NOT_SUPPORTED);
    expect(callStatus(resizable)).toBe(Status.OK);
    const at20 = { vmarOffset: 20n * PAGE };
    const discardable = callOf(world, world.object(8, { discardable: true }), at20);
    expect(callStatus(discardable)).toBe(Status.NOT_SUPPORTED);
    const lenient = { ...discardable, options: strict | ALLOW_FAULTS };
    const { mapping } = made(run(vmarMap(lenient)));
    const { SPECIFIC: at, CAN_RWX } = VmarFlags;
    expect(mapping.flags).toBe(at | CAN_RWX);
  });

  test("S-2: what a mapping may become is what both handles may", () => {
    const { READ, WRITE, EXECUTE, MAP } = Right;
    const { CAN_MAP_READ, CAN_MAP_WRITE, CAN_MAP_EXECUTE, CAN_RWX } = VmarFlags;
    for (const [vmarRights, vmoRights, flags] of [
      [ALL_RIGHTS, ALL_RIGHTS, CAN_RWX],
      [READ | WRITE, READ | EXECUTE | MAP, CAN_MAP_READ],
      [ALL_RIGHTS, READ | EXECUTE | MAP, CAN_MAP_READ | CAN_MAP_EXECUTE],
      [READ | WRITE, ALL_RIGHTS, CAN_MAP_READ | CAN_MAP_WRITE],
    ] as const) {
      const world = new SmallAspace();
      const vmar = handleTo(world.root, vmarRights);
      const vmo = handleTo(world.object(8), vmoRights);
      const options = PERM_READ | SPECIFIC;
      const call = { ...callOf(world, vmo.object), vmar, vmo, options };
      expect(made(run(vmarMap(call))).mapping.flags & CAN_RWX).toBe(flags);
    }
  });

  test("S-2: executing is reading too, where that was asked for", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const { READ, EXECUTE, USER } = MmuFlags;
    const options = PERM_EXECUTE | VmOption.PERM_READ_IF_XOM_UNSUPPORTED;
    const call = callOf(world, object, { options, vmarOffset: 0n });
    const { mapping } = made(run(vmarMap(call)));
    expect(mapping.ranges.firstFlags).toBe(USER | READ | EXECUTE);
    const unread = { ...call, vmo: handleTo(object, ALL_RIGHTS & ~Right.READ) };
    expect(callStatus(unread)).toBe(Status.ACCESS_DENIED);
  });

  test("S-2: no permission at all is a mapping that nothing can use", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    world.commit(object, 2, 4);
    expect(callStatus(callOf(world, object, { options: SPECIFIC | MAP_RANGE }))).toBe(Status.OK);
    expect(world.draw(8, 4)).toBe("----");
    expect(world.write(8, 1)).toBe(Status.ACCESS_DENIED);
  });

  test("S-2: a process's pages are a user's, a guest's are nobody's", () => {
    for (const [kind, user] of [
      [{}, MmuFlags.USER],
      [GUEST, 0],
    ] as const) {
      const world = new SmallAspace(kind);
      const { mapping } = made(run(vmarMap(callOf(world, world.object(8)))));
      expect(mapping.ranges.firstFlags & MmuFlags.USER).toBe(user);
    }
  });

  test("S-2 M-21: neighbours of memory side by side become one, and its place is still told", () => {
    const world = new SmallAspace();
    const object = world.object(8);
    const left = made(run(vmarMap(callOf(world, object))));
    const next = { vmarOffset: 12n * PAGE, vmoOffset: 6n * PAGE, length: 2n * PAGE };
    const right = made(run(vmarMap(callOf(world, object, next))));
    expect([left.mapping.pageCount, right.mapping.isAlive]).toEqual([6, false]);
    expect(right.address).toBe(addressOf(12));
    world.validate();
  });
});

/** A region of high priority, and memory of a pager. */
function highWorld(): { world: SmallAspace; object: VmObjectPaged } {
  const world = new SmallAspace();
  run(setMemoryPriority(world.root, MemoryPriority.HIGH));
  return { world, object: world.pagerObject(8) };
}

describe("zx_vmar_map in a region of high priority", () => {
  const CALL = { options: PERM_READ | SPECIFIC | MAP_RANGE };

  test("S-2 L-4: waits for the pager with no lock held, then maps what came, which MAP_RANGE finds there", () => {
    const { world, object } = highWorld();
    const asked: string[] = [];
    const mapped = drive(vmarMap(callOf(world, object, CALL)), ({ page, count }) => {
      world.system.memory.locks.assertNoneHeld("the wait");
      asked.push(`${page}+${count}`);
      world.supply(object, page, count);
    });
    expect([statusOf(mapped), asked]).toEqual([Status.OK, ["2+4"]]);
    expect(world.draw(8, 4)).toBe("rrrr");
    world.validate();
  });

  test.each([
    ["all of it", 8, 4, Status.BAD_STATE, []],
    ["its end", 10, 2, Status.INVALID_ARGS, []],
    ["its middle", 9, 1, Status.INVALID_ARGS, [10]],
  ])(
    "S-2: when somebody unmaps %s meanwhile, MAP_RANGE fails and ends what is left of it",
    (_, at, count, status, left) => {
      const { world, object } = highWorld();
      const call = vmarMap(callOf(world, object, CALL));
      const mapped = drive(call, ({ page, count: pages }) => {
        unmapRegion(world.root, world.root.base + at, count, OpChildren.NO);
        world.supply(object, page, pages);
      });
      expect(statusOf(mapped)).toBe(status);
      const first = world.root.regions.first();
      expect(first === null ? [] : [first.base - world.root.base]).toEqual(left);
      world.validate();
    },
  );

  test("S-2: a thread that is killed while it waits leaves a mapping, and no request", () => {
    const { world, object } = highWorld();
    const call = vmarMap(callOf(world, object, CALL));
    const waiting = call.next();
    call.return(Status.CANCELED);
    expect(waiting.done === true || waiting.value.isOutstanding).toBe(false);
    expect(world.root.regions.count).toBe(1);
    world.validate();
  });
});
