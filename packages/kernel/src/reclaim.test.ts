import { NonTerminalAction, Status, TerminalAction } from "@aspace/arch";
import {
  AnonymousReclaim,
  MemoryPriority,
  dropUserPageTables,
  harvestAllUserAccessedBits,
  scanStep,
  setMemoryPriority,
  softFault,
  PageFaultFlag,
} from "@aspace/vm";
import { describe, expect, test } from "vitest";
import { Booted, KERNELS, now } from "../test/booted.ts";

const { FREE_UNACCESSED, RETAIN } = NonTerminalAction;
const { UPDATE_AGE_AND_HARVEST, UPDATE_AGE } = TerminalAction;
const PAGES = 4;

/** Pages of a pager's, read and mapped. */
function scene(architecture: Booted["kernel"]["architecture"], faultMode: "upgrade" | "legacy") {
  const booted = new Booted(architecture, { faultMode });
  const object = booted.pagerObject(PAGES, false);
  booted.map(object, { at: 0, count: PAGES });
  booted.supply(object, 0, [1, 2, 3, 4]);
  for (let page = 0; page < PAGES; page++) booted.load(page);
  const ageOf = (page: number): number => {
    const { queues } = booted.kernel.memory;
    return queues.newestGeneration - queues.generationOf(booted.frameAt(page));
  };
  return { booted, object, ageOf };
}

describe.each(KERNELS)("reclaiming below mappings, %s", (_, architecture, faultMode) => {
  test("A-6: pages that a CPU used since the last harvest are young, others grow old", () => {
    const { booted, ageOf } = scene(architecture, faultMode);
    const { regions, memory } = booted.kernel;
    const harvest = (): void => harvestAllUserAccessedBits(regions, RETAIN, UPDATE_AGE_AND_HARVEST);
    harvest();
    memory.queues.rotate();
    memory.queues.rotate();
    expect([0, 1, 2, 3].map(ageOf)).toEqual([2, 2, 2, 2]);
    // Where software sets accessed flags, a fault does so for the pages behind it too.
    booted.load(2);
    booted.load(3);
    harvest();
    expect([0, 1, 2, 3].map(ageOf)).toEqual([2, 2, 0, 0]);
    booted.validate();
  });

  test("A-6: page tables that nobody used go, and come back by faults with the content", () => {
    const { booted } = scene(architecture, faultMode);
    const { regions, machine } = booted.kernel;
    const full = machine.tables.live;
    booted.kernel.contextSwitch(0, null);
    for (let pass = 0; pass < 3; pass++) {
      harvestAllUserAccessedBits(regions, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
      booted.validate();
    }
    expect(machine.tables.live).toBeLessThan(full);
    expect(booted.draw(0, PAGES)).toBe("----");
    booted.kernel.contextSwitch(0, booted.aspace);
    expect([0, 1, 2, 3].map((page) => booted.load(page))).toEqual([1, 2, 3, 4]);
    booted.validate();
  });

  test("A-5, A-6, I-30: an aspace with high priority keeps its tables and accessed bits", () => {
    const { booted } = scene(architecture, faultMode);
    const { regions } = booted.kernel;
    expect(now(setMemoryPriority(booted.aspace.root!, MemoryPriority.HIGH))).toBe(Status.OK);
    for (let pass = 0; pass < 4; pass++) {
      harvestAllUserAccessedBits(regions, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    }
    expect(booted.draw(0, PAGES)).toBe("rrrr");
    booted.validate();
    expect(now(setMemoryPriority(booted.aspace.root!, MemoryPriority.DEFAULT))).toBe(Status.OK);
    booted.kernel.contextSwitch(0, null);
    for (let pass = 0; pass < 4; pass++) {
      harvestAllUserAccessedBits(regions, FREE_UNACCESSED, UPDATE_AGE);
    }
    booted.validate();
  });

  test("M-12: an evicted page leaves the page tables, and is asked for again", () => {
    const { booted, object } = scene(architecture, faultMode);
    const { memory } = booted.kernel;
    for (let age = 0; age < 9; age++) memory.queues.rotate();
    const { reclaimed } = scanStep(memory, { zeroForkPages: 0, reclaimPages: 2, minAge: 1 });
    expect(reclaimed).toBe(2);
    expect(booted.draw(0, PAGES)).toMatch(/^(?=.*-.*-)(?=.*r.*r)/u);
    booted.validate();
    const gone = [0, 1, 2, 3].find((page) => booted.entryAt(page) === "none")!;
    const thread = booted.loading("reader", gone);
    expect(thread.run()).toBe("blocked");
    booted.supply(object, gone, [99]);
    thread.run();
    expect(thread.result).toEqual({ status: Status.OK, value: 99 });
    booted.validate();
  });

  test("M-12: a compressed page leaves the page tables, and a fault decompresses it", () => {
    const booted = new Booted(architecture, { faultMode, anonymousReclaim: AnonymousReclaim.ON });
    booted.map(booted.object(6), { at: 0, count: 6 });
    for (let page = 0; page < 6; page++) booted.store(page, 100 + page);
    const { memory } = booted.kernel;
    memory.compressor.arm();
    for (let step = 0; step < 12; step++) {
      scanStep(memory, { zeroForkPages: 10, reclaimPages: 10, minAge: 1 });
      booted.validate();
    }
    expect(booted.draw(0, 6)).toBe("------");
    expect([0, 1, 2, 3, 4, 5].map((page) => booted.load(page))).toEqual([
      100, 101, 102, 103, 104, 105,
    ]);
    booted.validate();
  });

  test("M-12, M-13: a page that turns out to be zero is shared again", () => {
    const booted = new Booted(architecture, { faultMode, anonymousReclaim: AnonymousReclaim.ON });
    booted.map(booted.object(2), { at: 0, count: 2 });
    booted.store(0, 0);
    booted.store(1, 1);
    const { memory } = booted.kernel;
    const { deduplicated } = scanStep(memory, { zeroForkPages: 9, reclaimPages: 0, minAge: 7 });
    expect(deduplicated).toBe(1);
    expect([booted.load(0), booted.load(1)]).toEqual([0, 1]);
    expect(booted.frameAt(0)).toBe(memory.pmm.zeroPage);
    booted.validate();
  });

  test("A-13: dropped page tables come back by faults", () => {
    const { booted } = scene(architecture, faultMode);
    dropUserPageTables(booted.aspace);
    expect(booted.draw(0, PAGES)).toBe("----");
    expect([0, 1, 2, 3].map((page) => booted.load(page))).toEqual([1, 2, 3, 4]);
    booted.validate();
  });

  test("A-8: the kernel may fault a page in before it touches it", () => {
    const { booted } = scene(architecture, faultMode);
    const page = booted.base + PAGES;
    expect(now(softFault(booted.aspace, page, PageFaultFlag.USER))).toBe(Status.NOT_FOUND);
    booted.map(booted.object(1), { at: PAGES, count: 1 });
    const flags = PageFaultFlag.USER | PageFaultFlag.WRITE;
    expect(now(softFault(booted.aspace, page, flags))).toBe(Status.OK);
    expect(booted.entryAt(PAGES)).toBe("urw-");
    booted.validate();
  });
});
