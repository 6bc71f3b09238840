import { AspaceKind, MmuFlags, Status, VPN_LIMIT, type MmuFlagSet } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { put } from "../../test/public-object.ts";
import { R, RW, RWX, RX, RegionWorld, value } from "../../test/region-world.ts";
import { run } from "../../test/small-system.ts";
import { isValue, type Result } from "../objects/blocking.ts";
import { protect } from "./mapping-protect.ts";
import { Prng } from "./prng.ts";
import {
  UNALIGNED_OFFSET,
  createMapping,
  createSubVmar,
  createVmMapping,
  type NewMappingOptions,
  type SubRegionOptions,
} from "./region-creation.ts";
import { destroyRegion } from "./region-destroy.ts";
import { setMemoryPriority } from "./region-priority.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import { Mergeable } from "./vm-mapping.ts";
import { MemoryPriority } from "./vm-region.ts";
import { VmarFlags } from "./vmar-flags.ts";

const {
  COMPACT,
  SPECIFIC,
  SPECIFIC_OVERWRITE,
  CAN_MAP_SPECIFIC,
  CAN_MAP_READ,
  CAN_MAP_WRITE,
  CAN_RWX,
  REQUIRE_NON_RESIZABLE,
  ALLOW_FAULTS,
  OFFSET_IS_UPPER_LIMIT,
  DEBUG_DYNAMIC_KERNEL_MAPPING,
} = VmarFlags;

/** A status, or OK for a value. */
function statusOf<T extends object>(result: Result<T>): Status {
  return isValue(result) ? Status.OK : result;
}

function subVmar(
  parent: VmAddressRegion,
  options: Partial<SubRegionOptions> = {},
): Result<VmAddressRegion> {
  const defaults = { offset: 0, pageCount: 1, alignShift: 0, flags: 0, name: "" };
  return createSubVmar(parent, { ...defaults, ...options });
}

class Scene extends RegionWorld {
  readonly shown = this.object(8);

  place(options: Partial<NewMappingOptions> = {}, parent: VmAddressRegion = this.root): Status {
    return statusOf(this.create(options, parent));
  }

  create(
    options: Partial<NewMappingOptions> = {},
    parent: VmAddressRegion = this.root,
  ): ReturnType<typeof createMapping> {
    return createMapping(parent, {
      offset: 0,
      pageCount: 2,
      alignShift: 0,
      flags: 0,
      object: this.shown,
      objectOffset: 0,
      mmuFlags: RW,
      ...options,
    });
  }
}

describe("sub-regions", () => {
  test("V-2: only the flags of sub-regions are taken, before anything else is looked at", () => {
    const { root } = new Scene();
    destroyRegion(root);
    for (const flag of [
      SPECIFIC_OVERWRITE,
      REQUIRE_NON_RESIZABLE,
      ALLOW_FAULTS,
      DEBUG_DYNAMIC_KERNEL_MAPPING,
      0x800,
    ]) {
      expect(subVmar(root, { flags: flag }), `flag ${flag}`).toBe(Status.INVALID_ARGS);
    }
    const flags = SPECIFIC | CAN_MAP_SPECIFIC | COMPACT | CAN_RWX;
    expect(subVmar(root, { flags })).toBe(Status.BAD_STATE);
  });

  test("V-4 V-6: a new region is ALIVE, in its parent's list, with its parent's priority", () => {
    const world = new Scene();
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    const region = value(subVmar(world.root, { pageCount: 5, flags: CAN_MAP_READ, name: "low" }));
    expect([region.name, region.flags, region.isAlive]).toEqual(["low", CAN_MAP_READ, true]);
    expect(region.memoryPriority).toBe(MemoryPriority.HIGH);
    expect(world.layout()).toBe("0-5()");
  });

  test("V-4 I-36: without memory nothing changes", () => {
    const world = new Scene();
    world.memory.pmm.failures.failAt(1);
    expect(subVmar(world.root)).toBe(Status.NO_MEMORY);
    expect(world.layout()).toBe("");
  });
});

describe("the order of checks", () => {
  /** Each line is refused for its own reason and has every later fault as well. */
  test("V-3: flags, permissions, object offset and size come before the place", () => {
    const world = new Scene();
    const parent = value(subVmar(world.root, { pageCount: 10, flags: CAN_MAP_READ }));
    destroyRegion(parent);
    const faults: Partial<NewMappingOptions>[] = [
      { flags: COMPACT },
      { mmuFlags: RW },
      { objectOffset: UNALIGNED_OFFSET },
      { pageCount: VPN_LIMIT },
    ];
    const reasons = [
      Status.INVALID_ARGS,
      Status.ACCESS_DENIED,
      Status.INVALID_ARGS,
      Status.OUT_OF_RANGE,
      Status.BAD_STATE,
    ];
    reasons.forEach((reason, index) => {
      const rest = Object.assign({ mmuFlags: R, flags: 0 }, ...faults.slice(index).toReversed());
      expect(world.place(rest, parent), `check ${index}`).toBe(reason);
    });
  });

  test("V-3: an object's last page must fit 64 bits of bytes", () => {
    const world = new Scene();
    expect(world.place({ objectOffset: VPN_LIMIT - 2 })).toBe(Status.OUT_OF_RANGE);
    expect(world.place({ objectOffset: VPN_LIMIT - 3 })).toBe(Status.OK);
  });

  test.each<[string, Partial<NewMappingOptions>, Status]>([
    ["nothing to map", { pageCount: 0, flags: CAN_MAP_WRITE }, Status.INVALID_ARGS],
    [
      "a permission the parent lacks",
      { flags: CAN_MAP_WRITE | SPECIFIC | OFFSET_IS_UPPER_LIMIT },
      Status.ACCESS_DENIED,
    ],
    ["a place and a limit", { flags: SPECIFIC | OFFSET_IS_UPPER_LIMIT }, Status.INVALID_ARGS],
    ["an offset for no reason", { offset: 1 }, Status.INVALID_ARGS],
    ["an offset inside a page", { flags: SPECIFIC, offset: UNALIGNED_OFFSET }, Status.INVALID_ARGS],
    [
      "a place where children may not choose",
      { flags: SPECIFIC, offset: 100 },
      Status.ACCESS_DENIED,
    ],
    [
      "an overwriting place there",
      { flags: SPECIFIC_OVERWRITE, offset: 100 },
      Status.ACCESS_DENIED,
    ],
    ["a limit there", { flags: OFFSET_IS_UPPER_LIMIT, offset: 100 }, Status.ACCESS_DENIED],
    ["too many pages", { pageCount: 11 }, Status.INVALID_ARGS],
    ["no room", { pageCount: 9 }, Status.NO_RESOURCES],
    ["enough room", { pageCount: 8 }, Status.OK],
  ])("V-4: in a region where children may not choose: %s", (_, options, status) => {
    const world = new Scene();
    const parent = value(subVmar(world.root, { pageCount: 10, flags: CAN_MAP_READ }));
    value(world.create({ mmuFlags: R }, parent));
    expect(world.place({ mmuFlags: R, ...options }, parent)).toBe(status);
    world.layout();
  });

  test.each<[string, Partial<NewMappingOptions>, Status]>([
    ["begins past the end", { flags: SPECIFIC, offset: 1000 }, Status.INVALID_ARGS],
    ["ends past the end", { flags: SPECIFIC, offset: 999 }, Status.INVALID_ARGS],
    ["is at the end", { flags: SPECIFIC, offset: 998 }, Status.OK],
    ["is misaligned", { flags: SPECIFIC, offset: 2, alignShift: 2 }, Status.INVALID_ARGS],
    ["is aligned", { flags: SPECIFIC, offset: 4, alignShift: 2 }, Status.OK],
    ["is taken", { flags: SPECIFIC, offset: 500 }, Status.ALREADY_EXISTS],
    ["is half taken", { flags: SPECIFIC, offset: 499 }, Status.ALREADY_EXISTS],
    ["must end past the end", { flags: OFFSET_IS_UPPER_LIMIT, offset: 1001 }, Status.INVALID_ARGS],
    ["must end at the end", { flags: OFFSET_IS_UPPER_LIMIT, offset: 1000 }, Status.OK],
    ["must end before it begins", { flags: OFFSET_IS_UPPER_LIMIT, offset: 1 }, Status.INVALID_ARGS],
    ["fits exactly below", { flags: OFFSET_IS_UPPER_LIMIT, offset: 2 }, Status.OK],
  ])("V-4 I-36: a mapping that %s", (_, options, status) => {
    const world = new Scene();
    world.map(500, 2);
    const before = world.layout();
    expect(world.place(options)).toBe(status);
    if (status !== Status.OK) expect(world.layout()).toBe(before);
    else expect(world.layout()).not.toBe(before);
  });
});

/** Where eight mappings go, by chance, in a region with these flags. */
function placesIn(flags: number): number[] {
  const aslr = { entropyBits: 9, compactEntropyBits: 2, prng: new Prng(9) };
  const world = new Scene({ aslr });
  const all = CAN_RWX | CAN_MAP_SPECIFIC | flags;
  const parent = value(subVmar(world.root, { pageCount: 600, flags: all }));
  return Array.from({ length: 8 }, () => value(world.create({}, parent)).base - parent.base);
}

describe("new mappings", () => {
  test("V-3 V-4 M-2: has the flags it asked for and those its permissions need, and does not merge", () => {
    const world = new Scene();
    const { mapping, base } = value(world.create({ mmuFlags: RX, objectOffset: 3 }));
    expect(mapping.flags).toBe(CAN_MAP_READ | VmarFlags.CAN_MAP_EXECUTE);
    expect([mapping.base, mapping.objectOffset, mapping.mergeable]).toEqual([
      base,
      3,
      Mergeable.NO,
    ]);
    expect(mapping.ranges.firstFlags).toBe(RX);
    expect(world.shown.mappings.has(mapping)).toBe(true);
    expect(world.arch.calls).toEqual([]);
  });

  test("V-3: a mapping may reach past the end of its object", () => {
    const world = new Scene();
    expect(world.place({ pageCount: 100, objectOffset: 50 })).toBe(Status.OK);
  });

  test("V-4 V-8: first fit, below a limit if one is given", () => {
    const world = new Scene();
    world.map(0, 10);
    world.map(12, 10);
    expect(value(world.create({ pageCount: 2 })).base).toBe(10);
    const flags = OFFSET_IS_UPPER_LIMIT;
    expect(value(world.create({ pageCount: 2, flags, offset: 24 })).base).toBe(22);
    expect(world.place({ pageCount: 2, flags, offset: 24 })).toBe(Status.NO_RESOURCES);
  });

  test("V-8: chance follows the parent's COMPACT flag, and the same seed places alike", () => {
    const wide = placesIn(0);
    expect(Math.max(...wide)).toBeGreaterThan(100);
    expect(Math.max(...placesIn(COMPACT))).toBeLessThan(40);
    expect(placesIn(0)).toEqual(wide);
  });

  test("V-8: an architecture that picks a place in use, or past the limit, is found out", () => {
    const world = new Scene();
    world.map(1, 1);
    for (const picked of [0, 2, 3]) {
      world.arch.pick = () => picked;
      const free = picked === 2 || picked === 3;
      if (free) expect(value(world.create({ pageCount: 1 })).base).toBe(picked);
      else expect(() => world.create({ pageCount: 2 })).toThrow("V-8");
    }
    world.arch.pick = (vpn) => vpn + 1000;
    expect(() => world.create({})).toThrow("V-8");
  });

  test("V-4: the kernel maps pinned pages only, unless it manages the mapping itself", () => {
    const world = new Scene({ kind: AspaceKind.KERNEL });
    expect(() => world.create({ mmuFlags: MmuFlags.READ })).toThrow("V-4");
    expect(world.place({ flags: DEBUG_DYNAMIC_KERNEL_MAPPING })).toBe(Status.OK);
  });

  test("V-4 I-36: without memory nothing changes, and the object is let go", () => {
    const world = new Scene();
    world.memory.pmm.failures.failAt(1);
    expect(world.place()).toBe(Status.NO_MEMORY);
    expect(world.layout()).toBe("");
    expect(world.shown.holderCount).toBe(1);
  });

  test("Q-5: below an upper limit the quirk shows the object from its beginning", () => {
    for (const [quirks, shown] of [
      [[], 3],
      [["Q-5"], 0],
    ] as const) {
      const world = new Scene({ quirks });
      const flags = OFFSET_IS_UPPER_LIMIT;
      const { mapping } = value(world.create({ flags, offset: 100, objectOffset: 3 }));
      expect(mapping.objectOffset).toBe(shown);
      expect(value(world.create({ objectOffset: 3 })).mapping.objectOffset).toBe(3);
    }
  });
});

describe("overwriting", () => {
  const flags = SPECIFIC_OVERWRITE;

  test.each([
    ["the whole of one", 10, 4, "10-14 20-24"],
    ["an end", 12, 4, "10-12 12-16 20-24"],
    ["the middle of one", 11, 2, "10-11 11-13 13-14 20-24"],
    ["parts of two and the hole between", 12, 10, "10-12 12-22 22-24"],
    ["nothing", 16, 2, "10-14 16-18 20-24"],
  ])("V-5: takes the place of %s", (_, offset, pageCount, layout) => {
    const world = new Scene();
    world.map(10, 4);
    world.map(20, 4);
    expect(world.place({ flags, offset, pageCount })).toBe(Status.OK);
    expect(world.layout()).toBe(layout);
    const found = world.root.regions.findRegion(offset);
    expect(found?.kind === "mapping" && found.object === world.shown).toBe(true);
  });

  test("V-5 I-36: a sub-region in the way is INVALID_ARGS, and nothing changes", () => {
    const world = new Scene();
    world.map(10, 4);
    world.vmar(14, 4);
    expect(world.place({ flags, offset: 12, pageCount: 4 })).toBe(Status.INVALID_ARGS);
    expect(world.layout()).toBe("10-14 14-18()");
    expect(world.shown.holderCount).toBe(1);
  });

  test("V-5 I-36: without memory for the new mapping, or for the right part of an old one, nothing changes", () => {
    for (const nth of [1, 2]) {
      const world = new Scene();
      world.map(10, 4);
      world.memory.pmm.failures.failAt(nth);
      expect(world.place({ flags, offset: 11, pageCount: 2 })).toBe(Status.NO_MEMORY);
      expect(world.layout()).toBe("10-14");
    }
  });

  test("T-5 V-5: high priority moves from the old object to the new", () => {
    const world = new Scene();
    const old = world.map(10, 4, { object: world.object(4) }).liveObject;
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    const created = value(world.create({ flags, offset: 10, pageCount: 4 }));
    expect([created.wantsCommit, created.mapping.memoryPriority]).toEqual([true, "high"]);
    expect([old.mappings.size, world.shown.mappings.size]).toEqual([0, 1]);
    expect(world.aspace.highPriorityCount).toBe(2);
    world.layout();
  });
});

describe("high priority", () => {
  test("V-4 M-23: a mapping in a HIGH region has what memory there is brought in and mapped", () => {
    const world = new Scene();
    for (const page of [2, 4]) put(world.shown, page, 1);
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    const { mapping } = value(
      run(
        createVmMapping(world.root, {
          offset: 0,
          pageCount: 3,
          alignShift: 0,
          flags: 0,
          object: world.shown,
          objectOffset: 2,
          mmuFlags: RW,
        }),
      ),
    );
    expect([...world.arch.entries.keys()]).toEqual([mapping.base, mapping.base + 2]);
  });

  test("Q-6 V-5: the quirk brings in nothing when it overwrites", () => {
    const world = new Scene({ quirks: ["Q-6"] });
    run(setMemoryPriority(world.root, MemoryPriority.HIGH));
    world.map(10, 4);
    const created = value(world.create({ flags: SPECIFIC_OVERWRITE, offset: 10, pageCount: 4 }));
    expect(created.wantsCommit).toBe(false);
    expect(value(world.create()).wantsCommit).toBe(true);
  });
});

describe("the vDSO", () => {
  const CODE = { codeStartPage: 2, pageCount: 8 };

  function vdsoScene(quirks: readonly string[] = []): Scene {
    const world = new Scene({ quirks });
    world.system.vdsoImages.set(world.shown, CODE);
    return world;
  }

  const code = { objectOffset: 2, pageCount: 6, mmuFlags: RX };

  test.each<[string, { objectOffset: number; pageCount: number; mmuFlags: MmuFlagSet }, Status]>([
    ["all of its code", code, Status.OK],
    [
      "its code but for the first page",
      { ...code, objectOffset: 3, pageCount: 5 },
      Status.ACCESS_DENIED,
    ],
    ["its code but for the last page", { ...code, pageCount: 5 }, Status.ACCESS_DENIED],
    ["a page of data too", { ...code, objectOffset: 1, pageCount: 7 }, Status.ACCESS_DENIED],
    ["its code, not to be executed", { ...code, mmuFlags: R, pageCount: 1 }, Status.OK],
  ])("A-4 V-4 I-27: mapping %s", (_, options, status) => {
    const world = vdsoScene();
    expect(world.place(options)).toBe(status);
    world.layout();
    const isClaimed = world.aspace.vdsoCodeMapping !== null;
    expect(isClaimed).toBe(status === Status.OK && options.mmuFlags === RX);
  });

  test("I-27: its data can never be protected to be executed, whatever the mapping asks for", () => {
    const world = vdsoScene();
    const flags = VmarFlags.CAN_MAP_EXECUTE;
    const { mapping } = value(world.create({ flags, mmuFlags: R }));
    expect(protect(mapping, mapping.base, 1, RX)).toBe(Status.ACCESS_DENIED);
    const other = value(world.create({ flags, mmuFlags: R, object: world.object(2) })).mapping;
    expect(protect(other, other.base, 1, RX)).toBe(Status.OK);
    world.layout();
  });

  test("A-4 V-4 I-27: a second time is refused, also over something else", () => {
    const world = vdsoScene();
    world.map(100, 6);
    expect(world.place(code)).toBe(Status.OK);
    expect(world.place(code)).toBe(Status.ACCESS_DENIED);
    const over = { ...code, flags: SPECIFIC_OVERWRITE, offset: 100 };
    expect(world.place(over)).toBe(Status.ACCESS_DENIED);
    expect(world.layout()).toBe("0-6 100-106");
  });

  test("V-5 I-27: overwriting another mapping with the code claims it; overwriting the code is refused", () => {
    const world = vdsoScene();
    world.map(100, 6);
    const over = { ...code, flags: SPECIFIC_OVERWRITE, offset: 100 };
    const { mapping } = value(world.create(over));
    expect(world.aspace.vdsoCodeMapping).toBe(mapping);
    const onto = { object: world.object(1), pageCount: 1, flags: SPECIFIC_OVERWRITE, offset: 103 };
    expect(world.place({ ...onto, mmuFlags: RWX })).toBe(Status.ACCESS_DENIED);
    expect(world.layout()).toBe("100-106");
  });

  test("Q-6 I-27: the quirk admits a second one where it overwrites, which the validator sees", () => {
    const world = vdsoScene(["Q-6"]);
    world.map(100, 6);
    expect(world.place(code)).toBe(Status.OK);
    expect(world.place({ ...code, flags: SPECIFIC_OVERWRITE, offset: 100 })).toBe(Status.OK);
    expect(() => world.layout()).toThrow("I-27");
  });
});
