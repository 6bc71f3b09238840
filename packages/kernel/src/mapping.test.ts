import { ExistingEntry, Status } from "@aspace/arch";
import {
  CachePolicy,
  CloneKind,
  FaultMode,
  MapRangeCommit,
  Mergeable,
  createPhysicalObject,
  destroyRegion,
  mapRange,
  markMergeable,
  type VmMapping,
  type VmObjectPaged,
} from "@aspace/vm";
import { describe, expect, test } from "vitest";
import { CpuMode } from "@aspace/machine";
import type { Loaded } from "./kernel.ts";
import { Booted, KERNELS, R, RW, RX, must, now } from "../test/booted.ts";

/** A snapshot of the first pages of an object. */
function snapshot(booted: Booted, object: VmObjectPaged, pages: number): VmObjectPaged {
  const options = { kind: CloneKind.SNAPSHOT, offset: 0n, size: BigInt(pages) << 12n };
  return booted.keep(object.createClone(options));
}

describe.each(KERNELS)("mappings on real page tables, %s", (_, architecture, faultMode) => {
  test("M-18, I-19: the page of zeroes is read, then the first write gets a page of its own", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(4), { at: 0, count: 4 });
    expect(booted.load(1)).toBe(0);
    expect(booted.entryAt(1)).toBe("ur--");
    expect(booted.frameAt(1)).toBe(booted.kernel.memory.pmm.zeroPage);
    expect(booted.store(1, 9)).toBe(Status.OK);
    expect(booted.frameAt(1)).not.toBe(booted.kernel.memory.pmm.zeroPage);
    expect(booted.load(1)).toBe(9);
    booted.validate();
  });

  test("M-13, P13, P14: a snapshot shares pages until either side writes", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(4);
    booted.map(object, { at: 0, count: 4 });
    for (let page = 0; page < 4; page++) booted.store(page, page + 1);
    expect(booted.draw(0, 4)).toBe("wwww");
    const clone = snapshot(booted, object, 4);
    expect(booted.draw(0, 4)).toBe("rrrr");
    booted.map(clone, { at: 8, count: 4 });
    expect([8, 9, 10, 11].map((page) => booted.load(page))).toEqual([1, 2, 3, 4]);
    expect(booted.frameAt(8)).toBe(booted.frameAt(0));
    expect(booted.store(8, 50)).toBe(Status.OK);
    expect(booted.store(1, 60)).toBe(Status.OK);
    expect([0, 1, 2, 3].map((page) => booted.load(page))).toEqual([1, 60, 3, 4]);
    expect([8, 9, 10, 11].map((page) => booted.load(page))).toEqual([50, 2, 3, 4]);
    booted.validate();
  });

  test("M-13, P13: a chain of snapshots, each mapped, each written", () => {
    const booted = new Booted(architecture, { faultMode });
    const objects = [booted.object(3)];
    booted.map(objects[0]!, { at: 0, count: 3 });
    for (let page = 0; page < 3; page++) booted.store(page, 10 + page);
    for (let n = 1; n < 5; n++) {
      objects.push(snapshot(booted, objects[n - 1]!, 3));
      booted.map(objects[n]!, { at: 4 * n, count: 3 });
      booted.store(4 * n + (n % 3), 100 * n);
      booted.store(4 * (n - 1) + ((n + 1) % 3), 1000 * n);
      booted.validate();
    }
    const shown = objects.map((_object, n) => [0, 1, 2].map((page) => booted.load(4 * n + page)));
    expect(shown).toEqual([
      [10, 11, 1000],
      [2000, 100, 12],
      [10, 3000, 200],
      [300, 100, 4000],
      [300, 400, 200],
    ]);
    for (const object of objects) object.release();
    booted.validate();
    must(destroyRegion(booted.aspace.root!));
    expect(booted.kernel.memory.pmm.liveCount).toBe(0);
  });

  test("M-18, I-22: fault-around maps what is there, allocates no page, and stays in one leaf table", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(1200);
    booted.commit(object, 500, 100);
    booted.map(object, { at: 0, count: 1200 });
    const { liveCount } = booted.kernel.memory.pmm;
    expect(booted.load(505)).toBe(0);
    expect(booted.draw(503, 12)).toBe("--wwwwwww---");
    expect(booted.load(512)).toBe(0);
    expect(booted.draw(510, 20)).toBe("wwwwwwwwwwwwwwwwww--");
    expect(booted.kernel.memory.pmm.liveCount).toBe(liveCount);
    booted.validate();
  });

  test("M-6, I-21: protecting revokes at once, and what comes back is granted by faults", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(4), { at: 0, count: 4 });
    for (let page = 0; page < 4; page++) booted.store(page, page);
    booted.protect(1, 2, R);
    expect([0, 1, 2, 3].map((page) => booted.store(page, 9))).toEqual([
      Status.OK,
      Status.ACCESS_DENIED,
      Status.ACCESS_DENIED,
      Status.OK,
    ]);
    booted.protect(0, 4, RW);
    expect(booted.draw(0, 4)).toBe("wrrw");
    expect([0, 1, 2, 3].map((page) => booted.store(page, 7))).toEqual([0, 0, 0, 0]);
    booted.protect(0, 4, 0);
    expect(booted.draw(0, 4)).toBe("----");
    expect(booted.load(0)).toBe("ACCESS_DENIED");
    booted.validate();
  });

  test("T-8, Q-1: with the defect a page stays writable that was protected", () => {
    for (const quirks of [[], ["Q-1"]]) {
      const booted = new Booted(architecture, { faultMode, quirks });
      booted.map(booted.object(2), { at: 0, count: 2 });
      booted.store(0, 1);
      booted.store(1, 1);
      booted.protect(0, 1, R);
      booted.protect(0, 2, R);
      const isRight = quirks.length === 0;
      expect(booted.store(1, 2)).toBe(isRight ? Status.ACCESS_DENIED : Status.OK);
      if (isRight) booted.validate();
      else expect(() => booted.validate()).toThrow(/I-20/u);
    }
  });

  test("T-8, Q-2, I-36: a hole without memory leaves the right part's protections", () => {
    for (const quirks of [[], ["Q-2"]]) {
      const booted = new Booted(architecture, { faultMode, quirks });
      booted.map(booted.object(9), { at: 0, count: 9 });
      booted.protect(0, 3, R);
      booted.protect(6, 3, R);
      booted.kernel.memory.pmm.failures.failAt(1);
      expect(() => booted.unmap(4, 1)).toThrow(/NO_MEMORY/u);
      const expected = quirks.length === 0 ? Status.ACCESS_DENIED : Status.OK;
      expect(booted.store(7, 1)).toBe(expected);
      booted.validate();
    }
  });

  test("T-8, Q-3, I-25: mapping in advance reaches every run of protections", () => {
    for (const quirks of [[], ["Q-3"]]) {
      const booted = new Booted(architecture, { faultMode, quirks });
      const object = booted.object(4);
      const mapping = booted.map(object, { at: 0, count: 4 });
      booted.commit(object, 0, 4);
      booted.protect(0, 2, R);
      const options = { commit: MapRangeCommit.NO, existing: ExistingEntry.SKIP };
      expect(mapRange(mapping, 0, 4, options)).toBe(Status.OK);
      expect(booted.draw(0, 4)).toBe(quirks.length === 0 ? "rrww" : "rr--");
      booted.validate();
    }
  });

  test("T-9: 16 GiB of nothing are mapped at once; three pages then get three entries", () => {
    const pages = 2 ** 22;
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(pages);
    const mapping = booted.map(object, { at: 0, count: pages });
    const options = { commit: MapRangeCommit.NO, existing: ExistingEntry.SKIP };
    expect(mapRange(mapping, 0, pages, options)).toBe(Status.OK);
    booted.validate();
    const there = [0, pages / 2, pages - 1];
    for (const page of there) booted.commit(object, page, 1);
    expect(mapRange(mapping, 0, pages, options)).toBe(Status.OK);
    expect(there.map((page) => booted.entryAt(page))).toEqual(["urw-", "urw-", "urw-"]);
    expect([1, pages / 2 + 1, pages - 2].map((page) => booted.entryAt(page))).toEqual([
      "none",
      "none",
      "none",
    ]);
    booted.validate();
  });

  test("T-7: an upgrade adds permissions to the same frame, never takes any, and replaces another", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(4);
    booted.map(object, { at: 0, count: 4 });
    booted.commit(object, 0, 4);
    const clone = snapshot(booted, object, 4);
    expect(booted.load(0)).toBe(0);
    const shared = booted.frameAt(0);
    expect(booted.entryAt(0)).toBe("ur--");
    clone.release();
    expect(booted.store(0, 1)).toBe(Status.OK);
    expect(booted.entryAt(0)).toBe("urw-");
    expect(booted.frameAt(0)).toBe(shared);
    expect(booted.load(0)).toBe(1);
    expect(booted.entryAt(0)).toBe("urw-");
    booted.validate();
  });

  test("M-9, M-10, I-21: cutting a mapping takes the entries of the part, and only those", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(12);
    booted.map(object, { at: 0, count: 12 });
    for (let page = 0; page < 12; page++) booted.store(page, page + 1);
    booted.unmap(5, 2);
    expect(booted.draw(0, 12)).toBe("wwwww--wwwww");
    booted.unmap(0, 2);
    booted.unmap(10, 2);
    expect(booted.draw(0, 12)).toBe("--www--www--");
    expect(booted.load(5)).toBe("NOT_FOUND");
    expect([2, 4, 7, 9].map((page) => booted.load(page))).toEqual([3, 5, 8, 10]);
    booted.validate();
  });

  test("T-10, M-20, I-21: a hole filled again merges, and no surviving entry changes", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(9);
    const whole = booted.map(object, { at: 0, count: 9 });
    markMergeable(whole);
    for (let page = 0; page < 9; page++) booted.store(page, page + 1);
    booted.unmap(3, 3);
    const filled = booted.map(object, { at: 3, count: 3, offset: 3 });
    markMergeable(filled);
    expect([whole.isAlive, whole.pageCount, filled.isAlive]).toEqual([true, 9, false]);
    expect(whole.mergeable).toBe(Mergeable.YES);
    expect(booted.draw(0, 9)).toBe("www---www");
    expect([0, 3, 4, 5, 8].map((page) => booted.load(page))).toEqual([1, 4, 5, 6, 9]);
    booted.validate();
  });

  test("T-4: generations count what happened to the mapping, the hierarchy's what happened to the object", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(8);
    const mapping: VmMapping = booted.map(object, { at: 0, count: 8 });
    let { generation } = object.hierarchy;
    for (let page = 0; page < 8; page++) {
      booted.store(page, 1);
      expect(object.hierarchy.generation).toBeGreaterThan(generation);
      ({ generation } = object.hierarchy);
    }
    expect(mapping.generation).toBe(1);
    booted.unmap(7, 1);
    booted.unmap(4, 1);
    booted.unmap(0, 1);
    expect(mapping.generation).toBe(4);
    booted.validate();
  });

  test("M-12, P13: whatever an object loses, no CPU finds any more", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.object(6, true);
    booted.map(object, { at: 0, count: 6 });
    for (let page = 0; page < 6; page++) booted.store(page, page + 1);
    must(object.decommitRange(0x1000n, 0x1000n));
    must(object.resize(0x4000n));
    expect(booted.draw(0, 6)).toBe("w-ww--");
    expect([0, 1, 2, 3, 4].map((page) => booted.load(page))).toEqual([1, 0, 3, 4, "OUT_OF_RANGE"]);
    must(object.resize(0x6000n));
    expect([4, 5].map((page) => booted.load(page))).toEqual([0, 0]);
    booted.validate();
  });

  test("M-18: device memory is mapped uncached, from where it lies", () => {
    const booted = new Booted(architecture, { faultMode });
    const device = { base: 0x8000_0000n, size: 0x8000n };
    const object = booted.keep(createPhysicalObject(booted.kernel.memory, device));
    booted.map(object, { at: 0, count: 6, offset: 2 });
    expect(booted.store(1, 5)).toBe(Status.OK);
    expect(booted.draw(0, 7)).toBe("-wwwww-");
    expect(booted.frameAt(1)).toBe(0x8_0003);
    expect(booted.entryAt(1)).toContain("urw- ");
    expect(object.cachePolicy).toBe(CachePolicy.UNCACHED);
    booted.protect(0, 6, R);
    expect(booted.store(1, 5)).toBe(Status.ACCESS_DENIED);
    booted.unmap(0, 6);
    booted.validate();
  });

  test("M-18: code is fetched from where it may be run, and only there", () => {
    const booted = new Booted(architecture, { faultMode });
    booted.map(booted.object(2), { at: 0, count: 2, protection: RW });
    booted.store(0, 0x90);
    booted.protect(0, 1, RX);
    const fetch = (at: number): Loaded =>
      now(booted.kernel.fetch(0, CpuMode.USER, booted.base + at, 0));
    expect(fetch(0)).toEqual({ status: Status.OK, value: 0x90 });
    expect(fetch(1)).toEqual({ status: Status.ACCESS_DENIED, value: 0 });
    expect(booted.draw(0, 2)).toBe("x-");
    booted.validate();
  });

  test("M-18, I-37: an exhausted machine says so, and goes on once there is memory", () => {
    const booted = new Booted(architecture, { faultMode, frameCount: 40 });
    const object = booted.object(64);
    booted.map(object, { at: 0, count: 64 });
    let page = 0;
    while (booted.store(page, page) === Status.OK) page++;
    expect(page).toBeGreaterThan(8);
    expect(booted.store(page, 1)).toBe(Status.NO_MEMORY);
    booted.validate();
    must(object.decommitRange(0n, 0x1000n));
    expect(booted.store(page, 1)).toBe(Status.OK);
    expect(booted.load(page)).toBe(1);
    booted.validate();
  });

  test("M-18, I-24: page tables without memory fail a fault at any of its allocations", () => {
    for (let attempt = 1; ; attempt++) {
      const booted = new Booted(architecture, { faultMode });
      booted.map(booted.object(4), { at: 0, count: 4 });
      const { failures } = booted.kernel.machine.tables;
      failures.failAt(attempt);
      const status = booted.store(2, 5);
      const isStarved = !failures.isPending();
      failures.failNever();
      booted.validate();
      if (!isStarved) break;
      expect(status).toBe(Status.NO_MEMORY);
      expect(booted.store(2, 5)).toBe(Status.OK);
      booted.validate();
    }
  });

  test("I-23: both fault modes leave equal entries", () => {
    const drawn = Object.values(FaultMode).map((mode) => {
      const booted = new Booted(architecture, { faultMode: mode });
      const object = booted.object(8);
      booted.map(object, { at: 0, count: 8 });
      booted.load(0);
      booted.store(0, 1);
      booted.store(3, 1);
      const clone = snapshot(booted, object, 8);
      booted.store(3, 2);
      booted.map(clone, { at: 8, count: 8 });
      booted.load(11);
      booted.store(11, 4);
      booted.protect(0, 2, RX);
      booted.load(0);
      return [0, 3, 8, 11].map((page) => booted.entryAt(page));
    });
    expect(drawn[0]).toEqual(drawn[1]);
  });
});
