import { ExistingEntry, FRAME_WORDS, MmuFlags, NO_FRAME, Status } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IN_PLACE, smallFormat } from "../test/small-format.ts";
import { SmallMachine, SmallTag } from "../test/small-machine.ts";
import { SmallWorld } from "../test/small-world.ts";
import { ABSENT, LEAF, TableTree } from "./table-tree.ts";

const { READ, WRITE } = MmuFlags;
const { ERROR } = ExistingEntry;

/** A tree with nine index bits and five levels, as on real hardware, to see that no page number is too large. */
function wideTree(): TableTree {
  const machine = new SmallMachine();
  const small = smallFormat(IN_PLACE);
  const capabilities = { ...small.capabilities, indexBits: 9, leafShifts: [12, 21, 30] };
  const format = { ...small, indexBits: 9, levels: 5, capabilities };
  return new TableTree(format, machine, new SmallTag(machine), null);
}

describe("descending", () => {
  test("S-4 T-1: the index at a level is that many digits into the page number, for all 52 bits", () => {
    const tree = wideTree();
    const vpns = fc.oneof(
      fc.nat(2 ** 31 - 1),
      fc.maxSafeNat().map((n) => n % 2 ** 52),
    );
    fc.assert(
      fc.property(vpns, fc.nat(4), (vpn, level) => {
        const index = Math.floor(vpn / 512 ** level) % 512;
        expect(tree.slotOf(3, vpn, level)).toBe(3 * FRAME_WORDS + 2 * index);
      }),
      { seed: 20_240_104 },
    );
  });

  test("T-1: a descent stops at an absent entry, or at a leaf, at the level where it is", () => {
    const machine = new SmallMachine();
    const tree = new TableTree(smallFormat(IN_PLACE), machine, new SmallTag(machine), null);
    expect(tree.build()).toBe(Status.OK);
    expect(tree.descend(77)).toBe(ABSENT);
    expect(tree.level).toBe(3);
    expect(tree.endOfEntry(77)).toBe(512);
    expect(tree.reserve.take(2)).toBe(true);
    tree.growTo(77, 1);
    tree.writeLeaf(tree.slot, 0x40, tree.codec.leafLo[READ * 4 + 1]!, 0);
    expect(tree.descend(72)).toBe(LEAF);
    expect(tree.level).toBe(1);
    expect(tree.endOfEntry(77)).toBe(80);
    expect(tree.descend(80)).toBe(ABSENT);
    expect(tree.level).toBe(1);
  });

  test("T-1: runs end with the leaf table or with the range", () => {
    const tree = wideTree();
    expect(tree.runLength(510, 2000)).toBe(2);
    expect(tree.runLength(512, 2000)).toBe(512);
    expect(tree.runLength(512, 514)).toBe(2);
  });
});

describe("building and dismantling", () => {
  const prebuilt = { first: 2, count: 3 };
  const variant = { ...IN_PLACE, prebuilt };

  test.each([0, 1, 2, 3])("T-5 P-L3: refused at allocation %i, nothing is held", (frames) => {
    const world = new SmallWorld({ variant });
    expect(world.withFrames(frames, () => world.aspace.init())).toBe(Status.NO_MEMORY);
    expect(world.machine.live.size).toBe(0);
    expect(world.tag.tagsLeft).toBe(1);
    expect(world.aspace.rootPfn).toBe(NO_FRAME);
  });

  test("T-5 P-S2: prebuilt tables survive their last page and go with the root", () => {
    const world = SmallWorld.start({ variant });
    const before = world.read().tables.map(({ pfn }) => pfn);
    expect(before).toHaveLength(3);
    expect(world.aspace.map(1030, [9], 1, READ, ERROR)).toBe(Status.OK);
    expect(world.aspace.unmap(1030, 1, "yes")).toBe(Status.OK);
    expect(world.read().tables.map(({ pfn }) => pfn)).toEqual(before);
    expect(world.aspace.tablePages()).toBe(4);
    world.check();
    world.aspace.destroy();
    expect(world.machine.live.size).toBe(0);
  });

  test("T-4 P-R4: copied root entries are another root's: seen by walks, never counted, edited or freed", () => {
    const kernel = SmallWorld.start({ variant: { ...IN_PLACE, prebuilt: { first: 6, count: 2 } } });
    const { machine } = kernel;
    const user = SmallWorld.start({
      machine,
      rootCopy: { first: 6, count: 2, rootPfn: () => kernel.aspace.rootPfn },
    });
    const { words } = machine.memory;
    const entries = (world: SmallWorld): Int32Array =>
      words.slice(world.aspace.rootPfn * FRAME_WORDS + 12, world.aspace.rootPfn * FRAME_WORDS + 16);
    expect(entries(user)).toEqual(entries(kernel));
    expect(entries(user)).not.toEqual(new Int32Array(4));
    // A page the kernel maps later appears below the copy, because the table it lies in stays.
    expect(kernel.aspace.map(3500, [0x77], 1, READ | WRITE, ERROR)).toBe(Status.OK);
    expect(user.readWhileEdited().pages.get(3500)?.pfn).toBe(0x77);
    expect(user.aspace.tablePages()).toBe(1);
    user.aspace.validate();
    user.aspace.destroy();
    expect(kernel.query(3500).status).toBe(Status.OK);
    expect(machine.live.size).toBe(kernel.aspace.tablePages());
  });
});

describe("linking and unlinking", () => {
  test("T-10: a barrier lies between allocating a table and linking it", () => {
    const world = SmallWorld.start();
    const linked: number[] = [];
    world.machine.onBarrier = () => linked.push(world.readWhileEdited().tables.length);
    expect(world.aspace.map(100, [1], 1, READ, ERROR)).toBe(Status.OK);
    expect(world.machine.events.map(({ kind }) => kind)).toEqual([
      ...Array.from({ length: 3 }, () => "allocate"),
      ...Array.from({ length: 3 }, () => "barrier"),
    ]);
    expect(linked).toEqual([0, 1, 2]);
    expect(world.read().tables).toHaveLength(3);
  });

  test("T-2 T-11 P-R2: the last page of a path takes all its tables along, after the flush", () => {
    const world = SmallWorld.start();
    world.aspace.map(100, [1], 1, READ, ERROR);
    const tables = world.read().tables.map(({ pfn }) => pfn);
    const { events } = world.observe(() => world.aspace.unmap(100, 1, "yes"));
    expect(events.map(({ kind }) => kind)).toEqual([
      "barrier",
      "invalidate",
      "free",
      "free",
      "free",
    ]);
    expect(events[1]).toMatchObject({ everything: false, tables: true });
    const freed = events.flatMap((event) => (event.kind === "free" ? [event.pfn] : []));
    expect(freed.toSorted()).toEqual(tables.toSorted());
    expect(world.aspace.tablePages()).toBe(1);
  });

  test("T-6: the leaf table used last is forgotten when it is freed and its frame used elsewhere", () => {
    const world = SmallWorld.start();
    const { aspace } = world;
    aspace.map(100, [1], 1, READ, ERROR);
    aspace.unmap(100, 1, "yes");
    aspace.map(1000, [2], 1, READ, ERROR);
    expect(world.query(100).status).toBe(Status.NOT_FOUND);
    expect(aspace.protect(100, 1, READ | WRITE, "yes")).toBe(Status.OK);
    expect(world.query(1000)).toMatchObject({ pfn: 2, flags: READ });
    expect(aspace.unmap(100, 1, "yes")).toBe(Status.OK);
    expect(world.query(1000).status).toBe(Status.OK);
  });

  test("T-6: a neighbour in the table used last costs no barrier, no allocation, no other entry", () => {
    const world = SmallWorld.start();
    world.aspace.map(96, [1], 1, READ, ERROR);
    world.takeEvents();
    const before = world.read().pages.get(96);
    expect(world.aspace.map(97, [2], 1, READ, ERROR)).toBe(Status.OK);
    expect(world.takeEvents()).toEqual([]);
    expect(world.read().pages.get(96)).toEqual(before);
  });
});
