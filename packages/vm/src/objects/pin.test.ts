import { Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import * as content from "../../test/page-contents.ts";
import { Trap } from "../../test/page-contents.ts";
import { answer, supply } from "../../test/pager-answers.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
  valueAt,
} from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { complete } from "./driving.ts";
import { PageAccess } from "./lookup-cursor.ts";
import type { ObjectMapping } from "./object-mapping.ts";
import { Queue } from "./page-queues.ts";
import type { LazyPageRequest } from "./page-request.ts";
import { DirtyState, MAX_PIN_COUNT } from "./pages.ts";
import { isRangePinned, pinRange, pinnedInRange, unpinRange } from "./pin.ts";
import { AllocationPolicy } from "./pmm.ts";
import { resizeNode } from "./resize.ts";
import { SlotKind, slotKind, slotPage } from "./slot.ts";
import { validateSystem } from "./validate.ts";
import { CachePolicy, ChildType } from "./vm-object.ts";
import { VmObjectPaged } from "./vm-object-paged.ts";

const { READ, WRITE } = PageAccess;

/** How often each page is pinned; `.` where there is no page. */
function pins(node: CowNode): string {
  const { pinCount } = node.system.pmm.pages;
  return Array.from({ length: node.sizePages }, (_, page) => {
    const slot = node.get(page);
    return slotKind(slot) === SlotKind.PAGE ? String(pinCount[slotPage(slot)]) : ".";
  }).join("");
}

function validate(node: CowNode): void {
  validateSystem(node.system, [node]);
}

function pinOne(node: CowNode, page: number, times: number): void {
  for (let i = 0; i < times; i++) expect(run(pinRange(node, page, 1, READ))).toBe(Status.OK);
}

/** Pins, answering every wait. */
function pin(
  node: CowNode,
  count: number,
  access: PageAccess,
): { status: Status; waits: string[] } {
  const waits: string[] = [];
  const respond = answer(node);
  const status = complete(pinRange(node, 0, count, access), (request) => {
    waits.push(request.describe());
    respond(request);
  });
  validate(node);
  return { status, waits };
}

describe("a pin", () => {
  test("O-C17 P15: commits its pages and counts one pin of each", () => {
    const node = anonymousNode(createSmallSystem().system, 6);
    fillPage(node, 2, 5);
    expect(run(pinRange(node, 1, 3, READ))).toBe(Status.OK);
    expect(run(pinRange(node, 2, 2, WRITE))).toBe(Status.OK);
    expect(pins(node)).toBe(".122..");
    expect(node.pinnedPageCount).toBe(5);
    expect(node.everPinned).toBe(true);
    expect(valueAt(node, 2)).toBe(5);
    validate(node);
  });

  test("O-C17: makes its pages WIRED, and the last unpin files them anew", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 1);
    pinOne(node, 0, 2);
    const frame = slotPage(node.get(0));
    const queues = [system.queues.queueOf(frame)];
    unpinRange(node, 0, 1);
    queues.push(system.queues.queueOf(frame));
    unpinRange(node, 0, 1);
    queues.push(system.queues.queueOf(frame));
    expect(queues).toEqual([Queue.WIRED, Queue.WIRED, Queue.ANONYMOUS]);
    expect(node.pinnedPageCount).toBe(0);
    validate(node);
  });

  test("O-C17: of a clone pins copies", () => {
    const { system } = createSmallSystem();
    const original = anonymousNode(system, 4);
    fillPage(original, 1, 8);
    const copy = cloneNode(original, "owner", CloneKind.SNAPSHOT, 0, 4);
    if (!isValue(copy)) throw new Error("no clone");
    expect(run(pinRange(copy, 1, 1, READ))).toBe(Status.OK);
    expect(pins(copy)).toBe(".1..");
    expect(valueAt(copy, 1)).toBe(8);
    validate(copy);
  });

  test("O-C18: is refused with UNAVAILABLE for a page that has 31, and then nothing is pinned", () => {
    const node = anonymousNode(createSmallSystem().system, 4);
    pinOne(node, 2, MAX_PIN_COUNT);
    expect(run(pinRange(node, 0, 4, READ))).toBe(Status.UNAVAILABLE);
    expect(node.pinnedPageCount).toBe(MAX_PIN_COUNT);
    expect(MAX_PIN_COUNT).toBe(31);
    expect(pins(node)).toBe("0031.");
    validate(node);
    unpinRange(node, 2, 1);
    expect(run(pinRange(node, 0, 4, READ))).toBe(Status.OK);
  });

  test("O-C18 P21: that runs out of memory pins nothing, wherever that is", () => {
    for (let n = 1; n < 100; n++) {
      const { system } = createSmallSystem();
      const node = anonymousNode(system, 20);
      fillPage(node, 3, 5);
      pinOne(node, 3, 1);
      system.pmm.failures.failAt(n);
      const status = run(pinRange(node, 0, 20, READ));
      if (system.pmm.failures.isPending()) {
        expect(n).toBeGreaterThan(19);
        break;
      }
      expect(status).toBe(Status.NO_MEMORY);
      expect(pins(node)).toMatch(/^[0.]{3}1[0.]{16}$/);
      validate(node);
      expect(run(pinRange(node, 0, 20, READ))).toBe(Status.OK);
      expect(pins(node)).toBe(`1112${"1".repeat(16)}`);
    }
  });

  test("O-C18 P21: waits for memory where that is allowed", () => {
    const { system } = createSmallSystem();
    const node = content.anonymous(content.nothing)(system, AllocationPolicy.CAN_WAIT);
    system.pmm.delays.failAt(3);
    expect(pin(node, 4, READ)).toEqual({ status: Status.OK, waits: ["MEMORY 0+0"] });
    expect(pins(node)).toBe("1111....");
  });
});

function trapped(): CowNode {
  const root = content.pagerRoot(Trap.ON, content.marker)(createSmallSystem().system);
  supply(root, 0, 2);
  content.interval(root, 3);
  return root;
}

/** Pins 8 pages of a pager's root that has the first three, of which page 1 is pinned; `others` happen while it waits. */
function interrupted(others: (root: CowNode, request: LazyPageRequest) => void): {
  root: CowNode;
  status: Status;
} {
  const root = pagerNode(createSmallSystem().system, 8);
  supply(root, 0, 3);
  pinOne(root, 1, 1);
  const status = complete(pinRange(root, 0, 8, WRITE), (request) => {
    expect(pins(root)).toBe("121.....");
    others(root, request);
  });
  validate(root);
  return { root, status };
}

describe("a pin in a pager's tree", () => {
  test("O-C9: asks for each whole run of absent pages in one request", () => {
    const root = pagerNode(createSmallSystem().system, 40);
    supply(root, 20, 1);
    expect(pin(root, 40, READ)).toEqual({ status: Status.OK, waits: ["READ 0+20", "READ 21+19"] });
    expect(pins(root)).toBe("1".repeat(40));
    expect(root.modified).toBe(false);
  });

  test("O-C17 P16: for writing makes its pages dirty, with leave where that is trapped", () => {
    const root = trapped();
    expect(pin(root, 4, WRITE)).toEqual({ status: Status.OK, waits: ["DIRTY 0+4"] });
    const states = [0, 1, 2, 3].map(
      (at) => root.system.pmm.pages.dirtyState[slotPage(root.get(at))],
    );
    expect(states).toEqual([
      DirtyState.DIRTY,
      DirtyState.DIRTY,
      DirtyState.DIRTY,
      DirtyState.DIRTY,
    ]);
    expect(root.modified).toBe(true);
    expect(pins(root)).toBe("1111....");
  });

  test("O-C17 P16: for reading leaves clean what is clean", () => {
    const root = trapped();
    expect(pin(root, 3, READ)).toEqual({ status: Status.OK, waits: [] });
    expect(root.system.pmm.pages.dirtyState[slotPage(root.get(0))]).toBe(DirtyState.CLEAN);
    expect(root.modified).toBe(false);
  });

  test("O-C18: ends in what a wait ends in, and nothing is pinned", () => {
    const failed = interrupted((root, request) => {
      root.source!.onPagesFailed(request.page, request.count, Status.IO);
    });
    expect(failed.status).toBe(Status.IO);
    expect(pins(failed.root)).toBe("010.....");
    expect(failed.root.modified).toBe(false);
    const late = interrupted(() => {});
    expect(late.status).toBe(Status.TIMED_OUT);
    expect(pins(late.root)).toBe("010.....");
    const detached = interrupted((root) => root.source!.detach());
    expect(detached.status).toBe(Status.BAD_STATE);
    expect(pins(detached.root)).toBe("010.....");
  });

  test("O-C19: is refused with OUT_OF_RANGE after a shrink during a wait, which spares what is pinned", () => {
    for (const sizePages of [3, 5]) {
      const { root, status } = interrupted((node, request) => {
        expect(resizeNode(node, 2)).toBe(Status.BAD_STATE);
        expect(resizeNode(node, sizePages)).toBe(Status.OK);
        if (request.isOutstanding) supply(node, 3, sizePages - 3);
      });
      expect(status).toBe(Status.OUT_OF_RANGE);
      expect(pins(root)).toBe("01000".slice(0, sizePages));
    }
  });

  test("O-C19: is refused with OUT_OF_RANGE at once when the range is not inside", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    expect(run(pinRange(root, 6, 3, READ))).toBe(Status.OUT_OF_RANGE);
  });

  test("O-C16: that is given up during a wait pins nothing and leaves no request behind", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    supply(root, 0, 3);
    const operation = pinRange(root, 0, 8, READ);
    expect(operation.next().done).toBe(false);
    operation.return(Status.CANCELED);
    expect(pins(root)).toBe("000.....");
    expect(root.source!.outstanding(0)).toEqual([]);
    validate(root);
  });

  test("O-C17 P15: keeps its pages during its waits: no eviction, no snapshot, no shrink", () => {
    const root = pagerNode(createSmallSystem().system, 8);
    const child = cloneNode(root, "owner", CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, 0, 8);
    if (!isValue(child)) throw new Error("no clone");
    supply(root, 0, 1);
    complete(pinRange(child, 0, 2, READ), (request) => {
      expect(cloneNode(child, "owner", CloneKind.SNAPSHOT_MODIFIED, 0, 8)).toBe(Status.BAD_STATE);
      expect(resizeNode(child, 0)).toBe(Status.BAD_STATE);
      answer(root)(request);
    });
    expect(pins(child)).toBe("11......");
    validate(child);
  });
});

describe("an unpin", () => {
  test("P15: panics unless every page of the range is pinned, and changes nothing then", () => {
    const node = anonymousNode(createSmallSystem().system, 6);
    expect(run(pinRange(node, 1, 3, READ))).toBe(Status.OK);
    fillPage(node, 4, 1);
    for (const [page, count] of [
      [0, 2],
      [1, 4],
      [1, 0],
      [5, 1],
    ] as const) {
      expect(panicRule(() => unpinRange(node, page, count))).toBe("P15");
    }
    expect(pins(node)).toBe(".1110.");
    validate(node);
  });

  test("O-C20: tells mappings of each run of pages that lost its last pin", () => {
    const node = anonymousNode(createSmallSystem().system, 8);
    const told = listenForUnpins(node);
    expect(run(pinRange(node, 0, 8, READ))).toBe(Status.OK);
    for (const page of [2, 3, 6]) pinOne(node, page, 1);
    unpinRange(node, 0, 8);
    expect(told).toEqual(["0+2", "4+2", "7+1"]);
    told.length = 0;
    unpinRange(node, 2, 2);
    unpinRange(node, 6, 1);
    expect(told).toEqual(["2+2", "6+1"]);
  });
});

/** Which ranges a mapping of the node's object hears to have lost their pins. */
function listenForUnpins(node: CowNode): string[] {
  const told: string[] = [];
  const mapping: ObjectMapping = {
    aspaceIdentity: {},
    isInUserAspace: false,
    aspaceUnmapLockedObject: () => {},
    aspaceRemoveWriteLockedObject: () => {},
    aspaceDebugUnpinLockedObject: (page, count) => told.push(`${page}+${count}`),
  };
  const childType = ChildType.NOT_CHILD;
  const policy = CachePolicy.CACHED;
  const object = new VmObjectPaged({ node, childType, parent: null, policy, isResizable: false });
  object.mappings.add(mapping);
  return told;
}

describe("whether pages are pinned", () => {
  test("O-C20: isRangePinned is about all of them, pinnedInRange about any", () => {
    const node = anonymousNode(createSmallSystem().system, 8);
    for (const page of [1, 2, 5]) fillPage(node, page, 1);
    expect(pinnedInRange(node, 0, 8)).toBe(false);
    for (const page of [2, 5]) pinOne(node, page, 1);
    pinOne(node, 3, 1);
    expect(pins(node)).toBe(".011.1..");
    for (let from = 0; from < 8; from++) {
      for (let end = from + 1; end <= 8; end++) {
        const isPinned = [2, 3, 5].map((page) => page >= from && page < end);
        expect(pinnedInRange(node, from, end)).toBe(isPinned.includes(true));
        const all = isPinned.filter((is) => is).length === end - from;
        expect(isRangePinned(node, from, end - from)).toBe(all);
      }
    }
  });
});
