import { NO_FRAME } from "@aspace/arch";
import { expect, test } from "vitest";
import { SmallMachine } from "../test/small-machine.ts";
import { TableReserve } from "./table-reserve.ts";

test("T-8: take answers all frames asked for, in allocation order", () => {
  const machine = new SmallMachine();
  const reserve = new TableReserve(machine.tables);
  expect(reserve.take(3)).toBe(true);
  const allocated = machine.events.flatMap((event) => ("pfn" in event ? [event.pfn] : []));
  expect([reserve.next(), reserve.next(), reserve.next()]).toEqual(allocated);
  expect(reserve.hasNext()).toBe(false);
  expect(reserve.next()).toBe(NO_FRAME);
});

test.each([0, 1, 2])("T-8: take refused after %i frames holds none", (frames) => {
  const machine = new SmallMachine();
  machine.framesLeft = frames;
  const reserve = new TableReserve(machine.tables);
  expect(reserve.take(3)).toBe(false);
  expect(reserve.hasNext()).toBe(false);
  expect(machine.live.size).toBe(0);
  expect(machine.count("free")).toBe(frames);
});

test("T-8: takeUpTo keeps what it got until it is given back", () => {
  const machine = new SmallMachine();
  machine.framesLeft = 2;
  const reserve = new TableReserve(machine.tables);
  expect(reserve.takeUpTo(5)).toBe(2);
  expect(reserve.hasNext()).toBe(true);
  expect(machine.live).toContain(reserve.next());
  reserve.giveBack();
  expect(reserve.hasNext()).toBe(false);
  expect(machine.count("free")).toBe(1);
});
