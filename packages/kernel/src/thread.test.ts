import { KernelPanic, Status } from "@aspace/arch";
import {
  PacketType,
  RequestType,
  destroy,
  harvestAllUserAccessedBits,
  unmap,
  type LazyPageRequest,
  type PagerPacket,
} from "@aspace/vm";
import { describe, expect, test } from "vitest";
import { Booted, KERNELS, R, must } from "../test/booted.ts";
import { ThreadState } from "./thread.ts";

const { READY, BLOCKED, DONE } = ThreadState;

const READ_PACKET = (page: number, count: number = 1): PagerPacket => ({
  type: PacketType.READ,
  key: 1,
  page,
  count,
});

describe.each(KERNELS)("threads that wait for a pager, %s", (_, architecture, faultMode) => {
  test("B-9, A-7: a load waits, the pager supplies, the load goes on and finds the content", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(8);
    booted.map(object, { at: 0, count: 8 });
    const thread = booted.loading("reader", 3);
    expect(thread.state).toBe(READY);
    expect(thread.run()).toBe(BLOCKED);
    expect(booted.pager.read()).toEqual(READ_PACKET(3));
    booted.validate();
    expect(() => thread.run()).toThrow(KernelPanic);
    booted.supply(object, 2, [20, 30, 40]);
    expect(thread.state).toBe(READY);
    expect(thread.run()).toBe(DONE);
    expect(thread.result).toEqual({ status: Status.OK, value: 30 });
    expect(booted.draw(0, 8)).toBe("---rr---");
    expect(booted.load(4)).toBe(40);
    booted.validate();
  });

  test("B-9, M-18: a store asks for the content, then for leave to write, then lands", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(8);
    booted.map(object, { at: 0, count: 8 });
    const thread = booted.storing("writer", 3, 77);
    expect(thread.run()).toBe(BLOCKED);
    expect(thread.awaits!.type).toBe(RequestType.READ);
    booted.pager.read();
    booted.supply(object, 3, [1]);
    expect(thread.run()).toBe(BLOCKED);
    expect(thread.awaits!.type).toBe(RequestType.DIRTY);
    expect(booted.pager.read()).toMatchObject({ type: PacketType.DIRTY, page: 3, count: 1 });
    expect(object.takeModified()).toBe(false);
    booted.allowDirty(object, 3);
    expect(thread.run()).toBe(DONE);
    expect([thread.result, thread.awaits]).toEqual([Status.OK, null]);
    expect(booted.load(3)).toBe(77);
    expect(object.takeModified()).toBe(true);
    booted.validate();
  });

  test("B-9, I-19: the next store to a page that was written back asks again", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(2);
    booted.map(object, { at: 0, count: 2 });
    booted.supply(object, 0, [1, 2]);
    booted.allowDirty(object, 0, 1);
    expect(booted.store(0, 5)).toBe(Status.OK);
    expect(booted.draw(0, 2)).toBe("w-");
    must(object.writebackBegin(0n, 0x1000n, "pages"));
    expect(booted.draw(0, 2)).toBe("r-");
    booted.validate();
    must(object.writebackEnd(0n, 0x1000n));
    const thread = booted.storing("writer", 0, 6);
    expect(thread.run()).toBe(BLOCKED);
    expect(booted.load(0)).toBe(5);
    booted.allowDirty(object, 0);
    expect(thread.run()).toBe(DONE);
    expect(booted.load(0)).toBe(6);
    booted.validate();
  });

  test("B-9, L-4: two threads wait for one page; each order of going on ends alike", () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const booted = new Booted(architecture, { faultMode, cpuCount: 2 });
      booted.kernel.contextSwitch(1, booted.aspace);
      const object = booted.pagerObject(4, false);
      booted.map(object, { at: 0, count: 4 });
      const threads = [booted.storing("first", 0, 11, 0), booted.storing("second", 0, 22, 1)];
      for (const thread of threads) expect(thread.run()).toBe(BLOCKED);
      expect([booted.pager.packetCount, booted.pager.read()]).toEqual([1, READ_PACKET(0)]);
      booted.supply(object, 0, [1]);
      for (const n of order) expect(threads[n]!.run()).toBe(DONE);
      expect(threads.map((thread) => thread.result)).toEqual([Status.OK, Status.OK]);
      expect(booted.load(0)).toBe(order[1] === 0 ? 11 : 22);
      booted.validate();
    }
  });

  test("B-9, A-7: what changes while a thread waits decides: unmapped, protected, cut, remapped", () => {
    const endings: readonly (readonly [(booted: Booted) => void, Status, number])[] = [
      [(booted) => booted.unmap(0, 8), Status.NOT_FOUND, 0],
      [(booted) => booted.protect(0, 8, R), Status.ACCESS_DENIED, 0],
      [(booted) => booted.unmap(0, 3), Status.OK, 9],
      [
        (booted) => {
          booted.unmap(0, 8);
          booted.map(booted.object(8), { at: 0, count: 8 });
        },
        Status.OK,
        9,
      ],
    ];
    for (const [change, status, value] of endings) {
      const booted = new Booted(architecture, { faultMode });
      const object = booted.pagerObject(8, false);
      booted.map(object, { at: 0, count: 8 });
      const thread = booted.storing("writer", 3, 9);
      thread.run();
      change(booted);
      booted.validate();
      booted.supply(object, 3, [1]);
      expect(thread.run()).toBe(DONE);
      expect(thread.result).toBe(status);
      if (value !== 0) expect(booted.load(3)).toBe(value);
      booted.validate();
    }
  });

  test("B-9, A-7: a wait that fails is the fault's answer", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(8);
    booted.map(object, { at: 0, count: 8 });
    const failing = booted.loading("failing", 3);
    failing.run();
    must(object.failPageRequests(0x3000n, 0x1000n, Status.IO));
    expect(failing.run()).toBe(DONE);
    expect(failing.result.status).toBe(Status.IO);
    const orphan = booted.loading("orphan", 4);
    orphan.run();
    booted.pager.close();
    expect(orphan.run()).toBe(DONE);
    expect(orphan.result.status).toBe(Status.BAD_STATE);
    expect(booted.load(5)).toBe("BAD_STATE");
    booted.validate();
  });

  test("B-9, A-7: a wait that takes too long shows what the aspace looks like", () => {
    const dumps: (readonly string[])[] = [];
    const booted = new Booted(architecture, {
      faultMode,
      onFaultTimeout: (dump) => dumps.push(dump),
    });
    const object = booted.pagerObject(8);
    booted.map(object, { at: 0, count: 8 });
    const thread = booted.loading("reader", 3);
    thread.run();
    thread.awaits!.timeOut();
    expect(thread.run()).toBe(DONE);
    expect(thread.result.status).toBe(Status.TIMED_OUT);
    expect(dumps).toHaveLength(1);
    expect(dumps[0]!.join("\n")).toMatch(/^as \d+ .*\n {2}vmar .*'root'.*\n {4}map /u);
    booted.validate();
  });

  test("B-5, I-23: a page that was mapped and harvested while a thread waited may only lack its accessed flag", () => {
    const booted = new Booted(architecture, { faultMode, cpuCount: 2 });
    booted.kernel.contextSwitch(1, booted.aspace);
    const object = booted.pagerObject(2, false);
    booted.map(object, { at: 0, count: 2, protection: R });
    const late = booted.loading("late", 0, 1);
    late.run();
    booted.supply(object, 0, [5]);
    expect(booted.load(0, 0)).toBe(5);
    harvestAllUserAccessedBits(booted.kernel.regions, "retain", "update-age-and-harvest");
    expect(late.run()).toBe(DONE);
    expect(late.result).toEqual({ status: Status.OK, value: 5 });
    booted.validate();
  });

  test("B-10: a thread that is killed while it waits leaves no request behind", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(8);
    booted.map(object, { at: 0, count: 8 });
    const thread = booted.loading("reader", 3);
    thread.run();
    const request: LazyPageRequest = thread.awaits!;
    expect(booted.pager.packetCount).toBe(1);
    thread.kill();
    expect([booted.pager.packetCount, request.isOutstanding]).toEqual([0, false]);
    expect(booted.kernel.memory.locks.assertNoneHeld("the test")).toBeUndefined();
    booted.validate();
  });

  test("B-9, M-17: the mapping and its object may end while a thread waits for them", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(8);
    const mapping = booted.map(object, { at: 0, count: 8 });
    const thread = booted.loading("reader", 3);
    thread.run();
    must(destroy(mapping));
    object.release();
    expect(object.isAlive).toBe(false);
    expect(thread.state).toBe(READY);
    expect(thread.run()).toBe(DONE);
    expect(thread.result.status).not.toBe(Status.OK);
    booted.validate();
  });

  test("B-9: memory that runs out delays who can wait, and those go on when there is some", () => {
    const booted = new Booted(architecture, { faultMode });
    const object = booted.pagerObject(8, false);
    const plain = booted.object(4);
    booted.map(object, { at: 0, count: 8 });
    booted.map(plain, { at: 16, count: 4 });
    booted.supply(object, 0, [1, 2, 3]);
    booted.kernel.memory.pmm.setLow(true);
    expect(booted.store(16, 5)).toBe(Status.OK);
    booted.kernel.memory.pmm.setLow(false);
    booted.kernel.memory.pmm.delays.failAt(1);
    expect(booted.store(1, 6)).toBe(Status.OK);
    expect(booted.load(1)).toBe(6);
    booted.validate();
  });
});

describe("a thread", () => {
  test("B-9: it has no result before its end, and cannot run after it", () => {
    const booted = new Booted(KERNELS[0]![1]);
    booted.map(booted.object(1), { at: 0, count: 1 });
    const thread = booted.storing("writer", 0, 1);
    expect(() => thread.result).toThrow(/L-4/u);
    expect(thread.run()).toBe(DONE);
    expect(() => thread.run()).toThrow(/L-4/u);
    thread.kill();
    expect(thread.result).toBe(Status.OK);
  });

  test("B-10: one that never ran, and one that is killed twice, ends quietly", () => {
    const booted = new Booted(KERNELS[0]![1]);
    const mapping = booted.map(booted.object(2), { at: 0, count: 2 });
    const thread = booted.storing("writer", 0, 1);
    thread.kill();
    thread.kill();
    expect(booted.draw(0, 2)).toBe("--");
    must(unmap(mapping, mapping.base, 1));
    booted.validate();
  });
});
