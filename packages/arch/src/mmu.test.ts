import { expect, test } from "vitest";
import { FaultFlags, NO_FAULT } from "./fault.ts";
import { Invalidate } from "./invalidation.ts";
import { MmuFlags } from "./mmu-flags.ts";
import { GUEST_TAGS, MemoryType, emptyWalk } from "./mmu.ts";

const isOneBit = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

test.each([
  ["fault flags", FaultFlags],
  ["invalidation scopes", Invalidate],
])("S-18 S-19: %s are single bits, no two the same", (_, bits) => {
  const values = Object.values(bits);
  expect(values.every(isOneBit)).toBe(true);
  expect(new Set(values).size).toBe(values.length);
});

test("S-18: fault flags have the numbers of the contract, and no fault is 0", () => {
  expect(NO_FAULT).toBe(0);
  expect(FaultFlags).toEqual({
    WRITE: 1,
    USER: 2,
    INSTRUCTION: 4,
    NOT_PRESENT: 8,
    ACCESS: 16,
    FATAL: 32,
  });
});

test("S-20: tags of second-stage tables lie above every 16-bit PCID, ASID or VMID", () => {
  expect(GUEST_TAGS).toBe(2 ** 16);
});

test("S-20: memory types are numbered like the cache policies they come from", () => {
  expect(MemoryType.WRITE_BACK).toBe(MmuFlags.CACHED);
  expect(MemoryType.UNCACHED).toBe(MmuFlags.UNCACHED);
  expect(MemoryType.DEVICE).toBe(MmuFlags.UNCACHED_DEVICE);
  expect(MemoryType.WRITE_COMBINING).toBe(MmuFlags.WRITE_COMBINING);
  expect(MemoryType.OTHER).toBeGreaterThan(MmuFlags.CACHE_MASK);
});

test("S-20: an empty walk found nothing, allows nothing and read no entry, each its own object", () => {
  const walk = emptyWalk();
  expect(walk).toMatchObject({ fault: 0, present: false, allowed: 0, entry: -1 });
  walk.present = true;
  expect(emptyWalk().present).toBe(false);
});
