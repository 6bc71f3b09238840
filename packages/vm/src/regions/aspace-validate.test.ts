/** Every check of the validators, shown to fail: a healthy aspace is damaged in one place. */
import { MmuFlags } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { BASE, R, RW, SmallAspace } from "../../test/small-aspace.ts";
import { CloneKind } from "../objects/clone.ts";
import type { VmObjectPaged } from "../objects/vm-object-paged.ts";
import { destroyAspace } from "./aspace-destroy.ts";
import { validateRegions } from "./aspace-validate.ts";
import { protect } from "./mapping-protect.ts";
import { destroy } from "./mapping-unmap.ts";
import { validateDeadMapping } from "./mapping-validate.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import { Mergeable, type VmMapping } from "./vm-mapping.ts";
import { LifeCycle, MemoryPriority } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

interface Scene {
  readonly world: SmallAspace;
  readonly object: VmObjectPaged;
  readonly mapping: VmMapping;
  readonly region: VmAddressRegion;
  readonly inner: VmMapping;
}

/** Pages 0..3 read-only from 2 on, 0 and 1 written; a region at 8 with a mapping of the same object. */
function scene(): Scene {
  const world = new SmallAspace();
  const object = world.object(8, { resizable: true });
  const mapping = world.map({ object, at: 0, count: 4 });
  protect(mapping, BASE + 2, 2, R);
  const region = world.region(8, 8);
  const inner = world.map({ object, at: 8, count: 4, parent: region });
  world.write(0, 1);
  world.write(1, 2);
  world.write(9, 2);
  world.read(2);
  world.validate();
  return { world, object, mapping, region, inner };
}

function install(world: SmallAspace, at: number, pfn: number, flags: number): void {
  world.tables.entries.set(BASE + at, { pfn, flags, accessed: false });
}

const damages: readonly (readonly [rule: string, what: string, damage: (scene: Scene) => void])[] =
  [
    ["I-1", "a root is missing", ({ world }) => (world.aspace.root = null)],
    ["I-1", "a root is DEAD", ({ world }) => (world.root.state = LifeCycle.DEAD)],
    ["I-1", "a root is too small", ({ world }) => world.root.pageCount--],
    ["I-1", "a destroyed aspace has a root", ({ world }) => (world.aspace.isDestroyed = true)],
    ["I-2", "a child does not know its parent", ({ world, inner }) => (inner.parent = world.root)],
    ["I-2", "a listed mapping is DEAD", ({ mapping }) => (mapping.state = LifeCycle.DEAD)],
    [
      "I-2",
      "a mapping lies outside its region",
      ({ world, object, region }) => world.map({ object, at: 20, count: 1, parent: region }),
    ],
    ["I-6", "a list is not told of a new extent", ({ mapping }) => (mapping.pageCount = 5)],
    [
      "I-9",
      "an object forgets a mapping",
      ({ object, mapping }) => object.mappings.delete(mapping),
    ],
    [
      "I-9",
      "an object lists a mapping of another one",
      ({ world, object }) => {
        const stranger = world.map({ object: world.object(1), at: 40, count: 1 });
        object.mappings.add(stranger);
      },
    ],
    ["I-10", "an offset is no page", ({ mapping }) => (mapping.objectOffset = 0.5)],
    ["I-11", "a generation is 0", ({ mapping }) => (mapping.generation = 0)],
    ["I-24", "a mapping is left faulting", ({ inner }) => (inner.faulting = true)],
    [
      "I-5",
      "a range has what the flags forbid",
      ({ mapping }) => Object.assign(mapping, { flags: VmarFlags.CAN_MAP_READ }),
    ],
    ["I-13", "a policy is not the object's", ({ object }) => Object.assign(object, { policy: 1 })],
    ["I-16", "an entry lies in a gap", ({ world }) => install(world, 5, 1, R)],
    ["I-16", "an entry lies in an empty part of a region", ({ world }) => install(world, 14, 1, R)],
    ["I-16", "an entry lies behind everything", ({ world }) => install(world, 0xffff, 1, R)],
    [
      "I-17",
      "an entry may be executed",
      ({ world }) => install(world, 0, world.frameAt(0)!, R | MmuFlags.EXECUTE),
    ],
    ["I-17", "an entry is not a user's", ({ world }) => install(world, 0, world.frameAt(0)!, 8)],
    [
      "I-17",
      "an entry has another cache policy",
      ({ world }) => install(world, 0, world.frameAt(0)!, R | MmuFlags.UNCACHED),
    ],
    [
      "I-20",
      "a read-only page may be written",
      ({ world }) => install(world, 2, world.frameAt(2)!, RW),
    ],
    [
      "I-18",
      "an entry shows another frame",
      ({ world }) => install(world, 0, world.frameAt(1)!, RW),
    ],
    [
      "I-18",
      "an entry lies past the object",
      ({ world, object }) => {
        const frame = world.frameAt(9)!;
        object.resize(0x1000n);
        install(world, 9, frame, R);
      },
    ],
    [
      "I-19",
      "a page that is shared may be written",
      ({ world, object }) => {
        const frame = world.frameAt(0)!;
        world.keep(object.createClone({ kind: CloneKind.SNAPSHOT, offset: 0n, size: 0x8000n }));
        install(world, 0, frame, RW);
      },
    ],
    [
      "I-19",
      "the page of zeroes may be written",
      ({ world }) => install(world, 10, world.small.system.pmm.zeroPage, RW),
    ],
    [
      "I-26",
      "the last fault's mapping is DEAD",
      ({ world, inner }) => {
        destroy(inner);
        world.aspace.lastFault = inner;
      },
    ],
    [
      "I-27",
      "the vDSO's code is no vDSO's",
      ({ world, inner }) => (world.aspace.vdsoCodeMapping = inner),
    ],
    [
      "I-27",
      "a second mapping executes the vDSO",
      ({ world, object }) =>
        world.system.vdsoImages.set(object, { codeStartPage: 1, pageCount: 4 }),
    ],
    ["I-28", "a high priority is not counted", ({ world }) => world.aspace.highPriorityCount++],
    [
      "I-28",
      "an aspace is not counted",
      ({ world }) => world.system.counters.highPriorityAspaces++,
    ],
    [
      "I-29",
      "siblings differ in priority",
      ({ world }) => {
        const other = world.map({ object: world.object(1), at: 40, count: 1 });
        world.locked(() => other.setMemoryPriorityLocked(MemoryPriority.HIGH));
      },
    ],
    ["I-29", "an object counts another number", ({ object }) => object.highPriorityCount++],
    [
      "I-33",
      "collected pages were forgotten",
      ({ world, mapping }) => {
        world.system.coalescer.begin(mapping, BASE, R, "error");
        world.system.coalescer.append(BASE, 1);
      },
    ],
    ["L-4", "a lock is still held", ({ world }) => world.aspace.lock.acquire()],
  ];

describe("the validators", () => {
  test.each(damages)("%s: they notice that %s", (rule, _, damage) => {
    const damaged = scene();
    damage(damaged);
    expect(panicRule(() => validateRegions(damaged.world.system))).toBe(rule);
  });

  test("I-19: a clean page of a pager's may not be written", () => {
    const world = new SmallAspace();
    const object = world.pagerObject(2);
    world.supply(object, 0, 2);
    world.map({ object, at: 0, count: 2 });
    world.read(0);
    world.validate();
    install(world, 0, world.frameAt(0)!, RW);
    expect(panicRule(() => world.validate())).toBe("I-19");
  });

  test("I-18: nothing that only the pager has, and nothing compressed, is mapped", () => {
    const world = new SmallAspace();
    world.map({ object: world.pagerObject(2), at: 0, count: 2 });
    install(world, 1, 1, R);
    expect(panicRule(() => world.validate())).toBe("I-18");
  });

  test("I-27: the vDSO's code is all of it, and never merges", () => {
    const { world, object, mapping, inner } = scene();
    destroy(inner);
    world.system.vdsoImages.set(object, { codeStartPage: 0, pageCount: 4 });
    world.aspace.vdsoCodeMapping = mapping;
    expect(panicRule(() => world.validate())).toBe("no panic");
    mapping.mergeable = Mergeable.YES;
    expect(panicRule(() => world.validate())).toBe("I-27");
    mapping.mergeable = Mergeable.NO;
    world.system.vdsoImages.set(object, { codeStartPage: 0, pageCount: 5 });
    expect(panicRule(() => world.validate())).toBe("I-27");
  });

  test("I-4: what is DEAD holds nothing", () => {
    const { inner } = scene();
    expect(panicRule(() => validateDeadMapping(inner))).toBe("I-4");
    destroy(inner);
    expect(panicRule(() => validateDeadMapping(inner))).toBe("no panic");
    inner.pageCount = 1;
    expect(panicRule(() => validateDeadMapping(inner))).toBe("I-4");
    inner.pageCount = 0;
    inner.memoryPriority = MemoryPriority.HIGH;
    expect(panicRule(() => validateDeadMapping(inner))).toBe("I-4");
  });

  test("I-1: a destroyed aspace is healthy too", () => {
    const { world } = scene();
    destroyAspace(world.aspace);
    expect(panicRule(() => world.validate())).toBe("no panic");
  });
});
