import { ExistingEntry, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, GUEST, NONE, R, RW, SmallAspace } from "../../test/small-aspace.ts";
import { COALESCER_PAGES, MappingCoalescer } from "./mapping-coalescer.ts";

const { ERROR } = ExistingEntry;

function begun(options: { kind?: "guest" } = {}): {
  world: SmallAspace;
  coalescer: MappingCoalescer;
} {
  const world = new SmallAspace(options.kind === undefined ? {} : GUEST);
  const mapping = world.map({ object: world.object(64), at: 0, count: 64 });
  const coalescer = new MappingCoalescer();
  coalescer.begin(mapping, BASE, RW, ERROR);
  return { world, coalescer };
}

describe("the coalescer", () => {
  test("C-2, C-5: pages side by side are mapped in one call, at the end", () => {
    const { world, coalescer } = begun();
    for (let i = 0; i < 5; i++) expect(coalescer.append(BASE + i, 1000 + i)).toBe(Status.OK);
    expect(coalescer.count).toBe(5);
    expect(world.tables.calls).toEqual([]);
    expect(coalescer.flush()).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([`map ${BASE}+5 urw- error`]);
    expect([world.frameAt(0), world.frameAt(4)]).toEqual([1000, 1004]);
    expect(coalescer.count).toBe(0);
    expect(coalescer.flush()).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([]);
  });

  test("C-2, I-33: a gap, and a run of sixteen, make a call of their own", () => {
    const { world, coalescer } = begun();
    for (let i = 0; i < 20; i++) coalescer.append(BASE + i, 1000 + i);
    coalescer.append(BASE + 30, 9);
    coalescer.append(BASE + 29, 8);
    coalescer.flush();
    expect(world.tables.takeCalls()).toEqual([
      `map ${BASE}+${COALESCER_PAGES} urw- error`,
      `map ${BASE + 16}+4 urw- error`,
      `map ${BASE + 30}+1 urw- error`,
      `map ${BASE + 29}+1 urw- error`,
    ]);
  });

  test("C-3: other flags begin a new run", () => {
    const { world, coalescer } = begun();
    coalescer.append(BASE, 1000);
    expect(coalescer.changeFlags(BASE + 1, R)).toBe(Status.OK);
    expect(coalescer.currentFlags).toBe(R);
    coalescer.append(BASE + 1, 1001);
    coalescer.flush();
    expect(world.tables.takeCalls()).toEqual([
      `map ${BASE}+1 urw- error`,
      `map ${BASE + 1}+1 ur-- error`,
    ]);
  });

  test("C-4: there is room behind the run, and only there", () => {
    const { coalescer } = begun();
    expect(coalescer.extraCapacityFrom(BASE)).toBe(0);
    coalescer.append(BASE, 1000);
    expect(coalescer.extraCapacityFrom(BASE + 1)).toBe(COALESCER_PAGES - 1);
    expect(coalescer.extraCapacityFrom(BASE + 2)).toBe(0);
    coalescer.frames[coalescer.count] = 1001;
    coalescer.grow(1);
    expect(coalescer.extraCapacityFrom(BASE + 2)).toBe(COALESCER_PAGES - 2);
    expect(panicRule(() => coalescer.grow(COALESCER_PAGES - 1))).toBe("C-4");
    coalescer.abort();
  });

  test("C-5: without permissions nothing is installed", () => {
    const { world, coalescer } = begun();
    coalescer.changeFlags(BASE, NONE);
    coalescer.append(BASE, 1000);
    expect(coalescer.flush()).toBe(Status.OK);
    expect(world.tables.takeCalls()).toEqual([]);
    expect(coalescer.count).toBe(0);
  });

  test("C-5, C-6: after a refusal the run is dropped, and nothing can be added", () => {
    const { world, coalescer } = begun();
    world.tables.refusals.set("map", [Status.NO_MEMORY]);
    coalescer.append(BASE, 1000);
    expect(coalescer.append(BASE + 5, 1001)).toBe(Status.NO_MEMORY);
    expect(coalescer.count).toBe(0);
    expect(panicRule(() => coalescer.append(BASE, 1000))).toBe("C-6");
    expect(panicRule(() => coalescer.grow(1))).toBe("C-6");
  });

  test("C-1: pages that were collected and forgotten are our own mistake", () => {
    const { world, coalescer } = begun();
    const mapping = world.root.regions.first()! as never;
    coalescer.append(BASE, 1000);
    expect(panicRule(() => coalescer.begin(mapping, BASE, RW, ERROR))).toBe("C-1");
    coalescer.abort();
    coalescer.begin(mapping, BASE, RW, ERROR);
    expect(coalescer.count).toBe(0);
  });

  test("C-5: in a user's aspace nobody writes the page of zeroes", () => {
    const user = begun();
    user.coalescer.append(BASE, user.world.small.system.pmm.zeroPage);
    expect(panicRule(() => user.coalescer.flush())).toBe("C-5");
    const guest = begun({ kind: "guest" });
    guest.coalescer.append(BASE, guest.world.small.system.pmm.zeroPage);
    expect(guest.coalescer.flush()).toBe(Status.OK);
  });
});
