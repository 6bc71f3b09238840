import { MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { R, RW, RWX, RX, RegionWorld } from "../../test/region-world.ts";
import { destroyRegion } from "./region-destroy.ts";
import { protectRegion } from "./region-protect.ts";
import { OpChildren } from "./region-unmap.ts";
import { VmarFlags } from "./vmar-flags.ts";

const { NO, YES } = OpChildren;
const { CAN_RWX, SPECIFIC } = VmarFlags;

/** Three mappings that touch, `10-14 14-16 16-20`, then a sub-region full of one, `20-30(20-30)`, and a hole. */
class Scene extends RegionWorld {
  readonly sub;

  constructor() {
    super();
    const flags = SPECIFIC | CAN_RWX;
    this.map(10, 4, { flags });
    this.map(14, 2, { flags, mmuFlags: R });
    this.map(16, 4, { flags });
    this.sub = this.vmar(20, 10);
    this.map(0, 10, { parent: this.sub, mmuFlags: RW, flags });
  }

  /** What each page of [vpn, end) allows: 1 READ, 2 WRITE, 4 EXECUTE. */
  flagsOf(vpn: number, end: number): string {
    let shown = "";
    for (let at = vpn; at < end; at++) {
      const child = this.root.regions.findRegion(at);
      const mapping = child?.kind === "vmar" ? child.regions.findRegion(at) : child;
      if (mapping?.kind !== "mapping") shown += "-";
      else shown += String((mapping.ranges.flagsAt(at) & MmuFlags.RWX_MASK) / MmuFlags.READ);
    }
    return shown;
  }
}

describe("protecting a region", () => {
  test.each([
    ["one mapping", 10, 4, RX, NO, "55551133333333333333"],
    ["part of one", 11, 2, R, NO, "31131133333333333333"],
    ["across mappings, into parts of them", 12, 6, RX, NO, "33555555333333333333"],
    ["in the sub-region too, where permissions only go", 18, 4, R, YES, "33331133111133333333"],
    ["to what the sub-region's mapping has already", 18, 12, RW, YES, "33331133333333333333"],
    ["to nothing", 10, 4, MmuFlags.USER, NO, "00001133333333333333"],
  ])("V-11: %s", (_, vpn, count, flags, children, expected) => {
    const world = new Scene();
    expect(protectRegion(world.root, vpn, count, flags, children)).toBe(Status.OK);
    expect(world.flagsOf(10, 30)).toBe(expected);
    const edits = world.arch.calls.length;
    expect(protectRegion(world.root, vpn, count, flags, children)).toBe(Status.OK);
    expect(world.arch.calls, "I-39: the second time the page tables are left alone").toHaveLength(
      edits,
    );
    world.layout();
  });

  test.each([
    ["nothing is asked for", 10, 0, R, YES, Status.INVALID_ARGS],
    ["it ends outside", 990, 11, R, YES, Status.INVALID_ARGS],
    ["a cache policy is named", 10, 4, R | MmuFlags.UNCACHED, YES, Status.INVALID_ARGS],
    ["a hole comes first", 8, 4, R, YES, Status.NOT_FOUND],
    ["a hole comes last", 26, 5, R, YES, Status.NOT_FOUND],
    ["there is only a hole", 40, 5, R, YES, Status.NOT_FOUND],
    ["a sub-region is met without the right to", 18, 4, R, NO, Status.INVALID_ARGS],
    ["a mapping of a sub-region would gain a permission", 18, 4, RX, YES, Status.ACCESS_DENIED],
  ])(
    "V-11 I-36: refused when %s, and nothing changes",
    (_, vpn, count, flags, children, status) => {
      const world = new Scene();
      expect(protectRegion(world.root, vpn, count, flags, children)).toBe(status);
      expect(world.flagsOf(10, 30)).toBe("33331133333333333333");
      expect(world.arch.calls).toEqual([]);
    },
  );

  test("V-11: a mapping whose flags do not allow it is refused, before those that come after it", () => {
    const world = new Scene();
    world.map(30, 4, { mmuFlags: R });
    expect(protectRegion(world.root, 30, 4, RW, NO)).toBe(Status.ACCESS_DENIED);
    expect(protectRegion(world.root, 30, 8, RW, NO)).toBe(Status.ACCESS_DENIED);
    expect(protectRegion(world.root, 30, 8, R, NO)).toBe(Status.NOT_FOUND);
    expect(protectRegion(world.root, 14, 6, RWX, NO)).toBe(Status.OK);
  });

  test("V-11 A-4: the vDSO's code stays as it is", () => {
    const world = new Scene();
    const code = world.root.regions.first()!;
    if (code.kind === "mapping") world.aspace.vdsoCodeMapping = code;
    expect(protectRegion(world.root, 10, 4, R, NO)).toBe(Status.ACCESS_DENIED);
    expect(protectRegion(world.root, 14, 4, R, NO)).toBe(Status.OK);
  });

  test("V-11: an ended region is BAD_STATE, but a range of nothing is refused first", () => {
    const world = new Scene();
    destroyRegion(world.sub);
    expect(protectRegion(world.sub, 22, 2, R, YES)).toBe(Status.BAD_STATE);
    expect(protectRegion(world.sub, 22, 0, R, YES)).toBe(Status.INVALID_ARGS);
  });

  test("V-11 I-37: without memory, the mappings before the one that needed it stay changed", () => {
    const world = new Scene();
    // The first mapping needs a node for its changed end; the third one for its changed beginning.
    world.memory.pmm.failures.failAt(2);
    expect(protectRegion(world.root, 12, 6, RX, NO)).toBe(Status.NO_MEMORY);
    expect(world.flagsOf(10, 20)).toBe("3355553333");
  });
});
