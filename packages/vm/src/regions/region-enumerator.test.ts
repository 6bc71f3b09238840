import { describe, expect, test } from "vitest";
import { RegionWorld } from "../../test/region-world.ts";
import { destroy } from "./mapping-unmap.ts";
import { destroyLocked } from "./region-destroy.ts";
import {
  MappingEnumerator,
  RegionEnumerator,
  everythingIn,
  mappingsIn,
} from "./region-enumerator.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";
import type { Region } from "./vm-region.ts";

/**
 *     root ┬ 0-2
 *          ├ 10-40 vmar ┬ 10-12
 *          │            ├ 20-30 vmar ┬ 20-21
 *          │            │            └ 25-27
 *          │            └ 35-36
 *          ├ 50-60 vmar, empty
 *          └ 70-72
 */
class Scene extends RegionWorld {
  readonly outer: VmAddressRegion;
  readonly inner: VmAddressRegion;

  constructor() {
    super();
    this.map(0, 2);
    this.outer = this.vmar(10, 30);
    this.inner = this.vmar(10, 10, { parent: this.outer });
    this.map(0, 2, { parent: this.outer });
    this.map(25, 1, { parent: this.outer });
    this.map(0, 1, { parent: this.inner });
    this.map(5, 2, { parent: this.inner });
    this.vmar(50, 10);
    this.map(70, 2);
  }
}

const extentOf = ({ base, pageCount }: Region): string => `${base}-${base + pageCount}`;

/** What is left of a walk. */
function rest(walk: RegionEnumerator | MappingEnumerator): string {
  const seen: string[] = [];
  for (let region = walk.next(); region !== null; region = walk.next()) seen.push(extentOf(region));
  return seen.join(" ");
}

describe("a walk without pause", () => {
  test("V-9: shows parents before their children, in address order, with their depth", () => {
    const world = new Scene();
    world.locked(() => {
      const walk = everythingIn(world.root);
      const seen: string[] = [];
      for (let region = walk.next(); region !== null; region = walk.next()) {
        seen.push(`${walk.depth}:${extentOf(region)}`);
      }
      expect(seen.join(" ")).toBe(
        "1:0-2 1:10-40 2:10-12 2:20-30 3:20-21 3:25-27 2:35-36 1:50-60 1:70-72",
      );
      expect(walk.next()).toBe(null);
    });
  });

  test("V-9: of mappings only, at whatever depth", () => {
    const world = new Scene();
    world.locked(() => {
      expect(rest(mappingsIn(world.root))).toBe("0-2 10-12 20-21 25-27 35-36 70-72");
      expect(rest(mappingsIn(world.outer))).toBe("10-12 20-21 25-27 35-36");
    });
  });

  test.each([
    [0, 1, "0-2"],
    [1, 10, "0-2"],
    [2, 11, "10-12"],
    [21, 25, ""],
    [21, 26, "25-27"],
    [26, 71, "25-27 35-36 70-72"],
    [40, 70, ""],
    [72, 1000, ""],
  ])("V-9: from page %d to %d it shows what lies at least partly there", (min, max, seen) => {
    const world = new Scene();
    world.locked(() => {
      expect(rest(new MappingEnumerator(world.root, min, max))).toBe(seen);
    });
  });

  test("V-9: what was shown may be ended before the next is asked for", () => {
    const world = new Scene();
    const ended: string[] = [];
    world.aspace.lock.acquire();
    const walk = mappingsIn(world.root);
    for (let mapping = walk.next(); mapping !== null; mapping = walk.next()) {
      ended.push(extentOf(mapping));
      world.aspace.lock.release();
      destroy(mapping);
      world.aspace.lock.acquire();
    }
    world.aspace.lock.release();
    expect(ended).toHaveLength(6);
    expect(world.layout()).toBe("10-40(20-30()) 50-60()");
  });
});

/** Walks to the mapping at a page, pauses, changes the tree, and shows what then comes. */
function resumedAfter(page: number, change: (world: Scene) => void): string {
  const world = new Scene();
  return world.locked(() => {
    const walk = mappingsIn(world.root);
    while (walk.next()!.base !== page);
    walk.pause();
    world.aspace.lock.release();
    change(world);
    world.aspace.lock.acquire();
    walk.resume();
    return rest(walk);
  });
}

describe("T-6: a walk that pauses", () => {
  test("T-6 V-9: goes on where it was when nothing changed", () => {
    expect(resumedAfter(10, () => {})).toBe("20-21 25-27 35-36 70-72");
  });

  test("T-6 V-9 I-34: the region that it walks ends: the next mapping behind it comes", () => {
    const seen = resumedAfter(20, (world) => world.locked(() => void destroyLocked(world.outer)));
    expect(seen).toBe("70-72");
  });

  test("T-6 V-9 I-34: a mapping that appears ahead is seen, one behind is not", () => {
    const seen = resumedAfter(35, (world) => {
      world.map(42, 2);
      world.map(5, 2);
    });
    // The next thing was settled at the pause: the empty region at 50, behind 42.
    expect(seen).toBe("70-72");
    expect(resumedAfter(20, (world) => void world.map(42, 2))).toBe("25-27 35-36 42-44 70-72");
  });

  test("T-6 V-9: what comes next is replaced by something longer: the new one comes", () => {
    const seen = resumedAfter(20, (world) => {
      const next = world.inner.regions.findRegion(25)!;
      if (next.kind === "mapping") destroy(next);
      world.map(3, 6, { parent: world.inner });
    });
    expect(seen).toBe("23-29 35-36 70-72");
  });

  test("T-6 V-9: it may start inside a mapping of a sub-region, which comes first", () => {
    const world = new Scene();
    world.locked(() => {
      const walk = new MappingEnumerator(world.root, 26, 1000);
      expect(extentOf(walk.next()!)).toBe("25-27");
      walk.pause();
      walk.resume();
      expect(rest(walk)).toBe("35-36 70-72");
    });
  });

  test("V-9: depth counts from the top again after it had to start over", () => {
    const world = new Scene();
    world.locked(() => {
      const walk = everythingIn(world.root);
      while (walk.next()!.base !== 25);
      expect(walk.depth).toBe(3);
      walk.pause();
      destroyLocked(world.outer);
      walk.resume();
      expect([extentOf(walk.next()!), walk.depth]).toEqual(["50-60", 1]);
    });
  });

  test("V-9: at its end it stays there", () => {
    expect(resumedAfter(70, (world) => void world.map(80, 2))).toBe("");
  });

  test("V-9: using it while it pauses, resuming what goes on, and going on without the lock panic", () => {
    const world = new Scene();
    const walk = world.locked(() => mappingsIn(world.root));
    expect(() => walk.next()).toThrow("L-2");
    world.locked(() => {
      expect(() => walk.resume()).toThrow("V-9");
      walk.pause();
      expect(() => walk.next()).toThrow("V-9");
      expect(() => walk.pause()).toThrow("V-9");
    });
  });

  test("V-9: a tree that changed under a walk that did not pause is found out", () => {
    const world = new Scene();
    world.locked(() => {
      const walk = mappingsIn(world.root);
      walk.next();
      destroyLocked(world.outer);
      expect(() => walk.next()).toThrow("V-9");
    });
  });
});
