import { Status } from "@aspace/arch";
import { expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import { compress } from "../../test/page-contents.ts";
import { objectOn, recordMapping } from "../../test/recording-mapping.ts";
import { node, pin, valuesOf } from "../../test/shape-trees.ts";
import { createSmallSystem, fillPage } from "../../test/small-system.ts";
import { DiscardableTracker } from "./discardable.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { unpinRange } from "./pin.ts";

/** A discardable node of two pages: 5 and 6. */
function tracked(): DiscardableTracker & { readonly of: ReturnType<typeof node> } {
  const { system } = createSmallSystem();
  const of = node(system, { sizePages: 2 });
  fillPage(of, 0, 5);
  fillPage(of, 1, 6);
  return Object.assign(new DiscardableTracker(of), { of });
}

test("O-S17, P19: the life of an object: unset, locked, unlocked, discarded, locked again", () => {
  const tracker = tracked();
  const seen: string[] = [];
  const see = (): void => {
    tracker.validate();
    seen.push(`${tracker.state} ${tracker.lockCount}`);
  };
  see();
  expect(tracker.lock()).toBe(true);
  see();
  expect(tracker.tryLock()).toBe(Status.OK);
  see();
  expect([tracker.unlock(), tracker.unlock()]).toEqual([Status.OK, Status.OK]);
  see();
  expect(tracker.discard(0)).toBe(true);
  see();
  expect(tracker.lock()).toBe(false);
  see();
  expect(seen).toEqual([
    "unset 0",
    "unreclaimable 1",
    "unreclaimable 2",
    "reclaimable 0",
    "discarded 0",
    "unreclaimable 1",
  ]);
});

test("O-S17: a lock before the discard keeps the contents, and says so", () => {
  const tracker = tracked();
  tracker.lock();
  tracker.unlock();
  expect(tracker.lock()).toBe(true);
  expect(tracker.discard(0)).toBe(false);
  expect(valuesOf(tracker.of)).toEqual([5, 6]);
});

test("O-S17: tryLock keeps what is there, and refuses what is not without locking it", () => {
  const tracker = tracked();
  expect(tracker.tryLock()).toBe(Status.OK);
  tracker.unlock();
  tracker.discard(0);
  expect([tracker.tryLock(), tracker.lockCount, tracker.isDiscarded]).toEqual([
    Status.UNAVAILABLE,
    0,
    true,
  ]);
});

test("O-S17: an unlock without a lock is BAD_STATE, in every state", () => {
  const tracker = tracked();
  expect(tracker.unlock()).toBe(Status.BAD_STATE);
  tracker.lock();
  tracker.unlock();
  expect(tracker.unlock()).toBe(Status.BAD_STATE);
  tracker.discard(0);
  expect(tracker.unlock()).toBe(Status.BAD_STATE);
  expect(tracker.isDiscarded).toBe(true);
});

test("O-S18: what was never locked, or is locked or discarded, is not discarded", () => {
  const tracker = tracked();
  expect(tracker.discard(0)).toBe(false);
  tracker.lock();
  expect(tracker.discard(0)).toBe(false);
  tracker.unlock();
  expect([tracker.discard(0), tracker.discard(0)]).toEqual([true, false]);
});

test("O-S18: only what was unlocked for long enough goes; a lock in between starts the time anew", () => {
  const tracker = tracked();
  const { queues } = tracker.of.system;
  tracker.lock();
  tracker.unlock();
  queues.rotate();
  expect(tracker.discard(2)).toBe(false);
  tracker.lock();
  tracker.unlock();
  queues.rotate();
  expect(tracker.discard(2)).toBe(false);
  queues.rotate();
  expect(tracker.discard(2)).toBe(true);
});

test("O-S18, P15, P20: pins and high priority keep everything", () => {
  const tracker = tracked();
  tracker.lock();
  tracker.unlock();
  pin(tracker.of, 1);
  expect(tracker.discard(0)).toBe(false);
  unpinRange(tracker.of, 1, 1);
  changeHighPriorityCount(tracker.of, 1);
  expect(tracker.discard(0)).toBe(false);
  expect(valuesOf(tracker.of)).toEqual([5, 6]);
  changeHighPriorityCount(tracker.of, -1);
  expect(tracker.discard(0)).toBe(true);
});

test("O-S18, P1, P8, P19: everything goes, unmapped, as one event, and the generation moves", () => {
  const tracker = tracked();
  const { of } = tracker;
  compress(of, 1);
  const mapping = recordMapping(of);
  const { generation } = of.hierarchy;
  tracker.lock();
  tracker.unlock();
  tracker.discard(0);
  expect(valuesOf(of)).toEqual([0, 0]);
  expect([of.system.pmm.liveCount, of.system.compressor.liveCount]).toEqual([0, 0]);
  expect([mapping.events, of.reclamationEvents]).toEqual([["unmap 0+2"], 1]);
  expect(of.hierarchy.generation).toBeGreaterThan(generation);
  tracker.validate();
});

test("P19: a discarded object with pages is a panic", () => {
  const tracker = tracked();
  tracker.lock();
  tracker.unlock();
  tracker.discard(0);
  fillPage(tracker.of, 0, 1);
  expect(panicRule(() => tracker.validate())).toBe("P19");
});

test("O-S17: a discardable object has a tracker, others have none", () => {
  const { system } = createSmallSystem();
  const discardable = objectOn(node(system, { sizePages: 1 }), { isDiscardable: true });
  expect(discardable.discardable?.state).toBe("unset");
  expect(objectOn(node(system, { sizePages: 1 })).discardable).toBe(null);
});
