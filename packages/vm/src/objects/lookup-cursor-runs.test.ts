import { NO_FRAME, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { panicRule } from "../../test/bare-machine.ts";
import * as content from "../../test/page-contents.ts";
import { Trap } from "../../test/page-contents.ts";
import { anonymousNode, createSmallSystem, fillPage, valueAt } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import { NodeKind, type CowNode } from "./cow-node.ts";
import { markDirty } from "./dirty-state.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { AnonymousReclaim } from "./memory-system.ts";
import { changeHighPriorityCount } from "./memory-priority.ts";
import { Queue } from "./page-queues.ts";
import { LazyPageRequest } from "./page-request.ts";
import { DirtyState } from "./pages.ts";
import { slotPage } from "./slot.ts";
import { validateSystem } from "./validate.ts";

const { READ, WRITE } = PageAccess;
const { SNAPSHOT, SNAPSHOT_AT_LEAST_ON_WRITE } = CloneKind;

function clone(node: CowNode, kind: CloneKind, page: number, count: number): CowNode {
  const made = cloneNode(node, "owner", kind, page, count);
  if (!isValue(made)) throw new Error(`no clone: status ${made}`);
  return made;
}

/** A pager's root of 8 pages: `p` a clean page, `d` dirty, `a` awaiting clean, `M` a marker, `Z` an interval, `.` nothing. */
function pagerRoot(pages: string, trap: Trap = Trap.ON): CowNode {
  const fills: Record<string, content.Fill> = {
    p: content.cleanPage,
    d: content.dirtyPage,
    a: content.awaitingCleanPage,
    M: content.marker,
    Z: content.interval,
    ".": content.nothing,
  };
  const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
  return content.pagerRoot(trap, (root) => {
    [...pages].forEach((kind, page) => fills[kind]!(root, page));
  })(system);
}

/** The dirty states of a root's pages, in the letters of `pagerRoot`; `-` where there is no page. */
function dirtyStates(root: CowNode, count: number): string {
  const { dirtyState } = root.system.pmm.pages;
  const letters = ["u", "p", "d", "a"];
  return Array.from({ length: count }, (_, page) => {
    const frame = new LookupCursor(root, page, 1).maybePage(READ);
    return frame === NO_FRAME ? "-" : letters[dirtyState[frame]!];
  }).join("");
}

/** What a request that has to wait is for. */
function asked(node: CowNode, page: number, count: number, access: PageAccess = READ): string {
  const request = new LazyPageRequest();
  const status = new LookupCursor(node, page, count).requirePage(access, count, request);
  expect(status).toBe(Status.SHOULD_WAIT);
  return request.describe();
}

describe("a READ request", () => {
  test("O-C9: asks for no more than maxPages, though the window is larger", () => {
    const root = pagerRoot("........");
    for (const maxPages of [1, 3, 6]) {
      const request = new LazyPageRequest();
      const cursor = new LookupCursor(root, 2, 6);
      expect(cursor.requirePage(READ, maxPages, request)).toBe(Status.SHOULD_WAIT);
      expect(request.describe()).toBe(`READ 2+${maxPages}`);
      request.cancel();
    }
  });

  test.each(["p", "d", "M", "Z"])("O-C9: ends where the root has %s", (kind) => {
    expect(asked(pagerRoot(`.....${kind}..`), 2, 6)).toBe("READ 2+3");
  });

  test("O-C9: ends where the clone has something of its own", () => {
    const child = clone(pagerRoot("........"), SNAPSHOT_AT_LEAST_ON_WRITE, 1, 7);
    fillPage(child, 4, 1);
    expect(asked(child, 2, 5)).toBe("READ 3+2");
  });

  test("O-C9: ends where a node between clone and root has something of its own", () => {
    const middle = clone(pagerRoot("........"), SNAPSHOT_AT_LEAST_ON_WRITE, 1, 7);
    fillPage(middle, 5, 1);
    const child = clone(middle, SNAPSHOT_AT_LEAST_ON_WRITE, 1, 6);
    expect(child.parent).toBe(middle);
    expect(asked(child, 2, 4)).toBe("READ 4+2");
  });

  test("O-C9: ends where the clone's window ends", () => {
    const child = clone(pagerRoot("........"), SNAPSHOT_AT_LEAST_ON_WRITE, 4, 8);
    expect(asked(child, 1, 7)).toBe("READ 5+3");
  });

  test("O-C9: ends where the window of a node between clone and root ends", () => {
    const middle = clone(pagerRoot("........"), SNAPSHOT_AT_LEAST_ON_WRITE, 4, 8);
    fillPage(middle, 7, 1);
    const child = clone(middle, SNAPSHOT_AT_LEAST_ON_WRITE, 1, 7);
    expect(child.parent).toBe(middle);
    expect(asked(child, 1, 5)).toBe("READ 6+2");
  });
});

describe("a DIRTY request", () => {
  test.each([
    ["paMZ.pp.", "DIRTY 0+4"],
    ["ppdpp...", "DIRTY 0+2"],
    ["ZZMMpp..", "DIRTY 0+6"],
    ["MdM.....", "DIRTY 0+1"],
    ["pppppppp", "DIRTY 0+8"],
  ])("O-C10: asks about %s for %s", (pages, expected) => {
    expect(asked(pagerRoot(pages), 0, 8, WRITE)).toBe(expected);
  });

  test("O-C10: asks for no more than maxPages", () => {
    expect(asked(pagerRoot("pppppppp"), 3, 2, WRITE)).toBe("DIRTY 3+2");
  });

  test("O-C10: changes no page and allocates none", () => {
    const root = pagerRoot("pZM.....");
    root.system.pmm.failures.failAlways();
    expect(asked(root, 0, 8, WRITE)).toBe("DIRTY 0+3");
    expect(dirtyStates(root, 4)).toBe("p---");
  });

  test("O-C11: counts the clean pages it asks for as used, whatever the cursor counts", () => {
    const root = pagerRoot("pappd...");
    const { queues } = root.system;
    queues.rotate();
    const cursor = new LookupCursor(root, 0, 3);
    cursor.disableMarkAccessed();
    expect(cursor.requirePage(WRITE, 3, new LazyPageRequest())).toBe(Status.SHOULD_WAIT);
    const ages = [0, 2, 3].map((page) => ageAt(root, page));
    expect(ages).toEqual([0, 0, 1]);
  });
});

describe("a write where dirty pages are not trapped", () => {
  test.each([
    ["ppadpppp", 4, "ddddpppp"],
    ["pppppppp", 1, "dppppppp"],
    ["ppMpp...", 5, "dd-pp---"],
    ["paZpp...", 5, "dd-pp---"],
    ["pp.pp...", 5, "dd-pp---"],
  ])("O-C12: makes %s, of %i pages, into %s", (pages, maxPages, expected) => {
    const root = pagerRoot(pages, Trap.OFF);
    const cursor = new LookupCursor(root, 0, 8);
    expect(cursor.requirePage(WRITE, maxPages, new LazyPageRequest())).toBe(Status.OK);
    expect(dirtyStates(root, 8)).toBe(expected);
    expect(cursor.page).toBe(1);
    validateSystem(root.system, [root]);
  });

  test.each(["M", "Z"])("O-C12: that makes a page of %s makes only that one dirty", (kind) => {
    const root = pagerRoot(`${kind}pp.....`, Trap.OFF);
    const cursor = new LookupCursor(root, 0, 3);
    expect(cursor.requirePage(WRITE, 3, new LazyPageRequest())).toBe(Status.OK);
    expect(dirtyStates(root, 3)).toBe("dpp");
  });

  test("O-C12: to a page that is dirty already leaves those behind it as they are", () => {
    const root = pagerRoot("dpp.....", Trap.OFF);
    const cursor = new LookupCursor(root, 0, 3);
    expect(cursor.requirePage(WRITE, 3, new LazyPageRequest())).toBe(Status.OK);
    expect(dirtyStates(root, 3)).toBe("dpp");
  });
});

function exist(node: CowNode, page: number, count: number, access: PageAccess = READ): number {
  const cursor = new LookupCursor(node, page, count);
  cursor.disableMarkAccessed();
  const out = new Float64Array(count + 2).fill(NO_FRAME);
  const run = cursor.ifExistPages(access, count, out, 2);
  const frames = Array.from({ length: run }, (_, i) =>
    new LookupCursor(node, page + i, 1).maybePage(READ),
  );
  expect([...out]).toEqual([
    NO_FRAME,
    NO_FRAME,
    ...frames,
    ...Array.from({ length: count - run }, () => NO_FRAME),
  ]);
  return run;
}

describe("ifExistPages", () => {
  test("O-C5: finds a run of own pages, up to the first that is none", () => {
    const node = anonymousNode(createSmallSystem().system, 8);
    for (const page of [1, 2, 3, 5]) fillPage(node, page, page);
    expect(exist(node, 1, 6)).toBe(3);
    expect(exist(node, 1, 6, WRITE)).toBe(3);
    expect(exist(node, 1, 2)).toBe(2);
    node.setSlot(6, 0);
    expect(exist(node, 5, 3)).toBe(1);
  });

  test("O-C5: ends where an ancestor's pages are no longer what the node sees", () => {
    const root = pagerRoot("pppppppp");
    const child = clone(root, SNAPSHOT_AT_LEAST_ON_WRITE, 1, 8);
    expect(exist(child, 1, 7)).toBe(6);
    fillPage(child, 4, 1);
    expect(exist(child, 1, 7)).toBe(3);
    expect(exist(child, 4, 4)).toBe(1);
    expect(exist(child, 5, 3)).toBe(2);
  });

  test("O-C5: finds nothing while accesses are marked", () => {
    const node = anonymousNode(createSmallSystem().system, 4);
    fillPage(node, 0, 1);
    const cursor = new LookupCursor(node, 0, 4);
    expect(cursor.ifExistPages(READ, 4, new Float64Array(4), 0)).toBe(0);
    expect(cursor.page).toBe(0);
  });
});

describe("skipMissingPages", () => {
  test("O-C6: ends at a populated slot of the owner or of a node below it, and at the windows", () => {
    const root = pagerRoot("......M.");
    const child = clone(root, SNAPSHOT_AT_LEAST_ON_WRITE, 2, 10);
    expect(new LookupCursor(root, 1, 4).skipMissingPages()).toBe(4);
    expect(new LookupCursor(root, 1, 7).skipMissingPages()).toBe(5);
    expect(new LookupCursor(child, 1, 9).skipMissingPages()).toBe(3);
    expect(new LookupCursor(child, 5, 5).skipMissingPages()).toBe(1);
    expect(new LookupCursor(child, 6, 4).skipMissingPages()).toBe(4);
    fillPage(child, 3, 1);
    expect(new LookupCursor(child, 1, 9).skipMissingPages()).toBe(2);
  });
});

function ageAt(node: CowNode, page: number): number {
  const { queues } = node.system;
  return queues.newestGeneration - queues.generationOf(slotPage(node.get(page)));
}

describe("use", () => {
  const WAYS: Record<string, (cursor: LookupCursor) => unknown> = {
    requirePage: (cursor) => cursor.requirePage(READ, 1, new LazyPageRequest()),
    requireOwnedPage: (cursor) => cursor.requireOwnedPage(READ, 1, new LazyPageRequest()),
    maybePage: (cursor) => cursor.maybePage(READ),
  };

  test.each(Object.entries(WAYS))("O-C11: is noted by %s, unless that is disabled", (_, look) => {
    const root = pagerRoot("pp......");
    root.system.queues.rotate();
    const cursor = new LookupCursor(root, 0, 2);
    look(cursor);
    cursor.disableMarkAccessed();
    look(cursor);
    expect([ageAt(root, 0), ageAt(root, 1)]).toEqual([0, 1]);
  });

  test("O-C11: of a page that is copied is noted even if disabled, and the copy is new", () => {
    const root = pagerRoot("p.......");
    const child = clone(root, SNAPSHOT_AT_LEAST_ON_WRITE, 0, 8);
    root.system.queues.rotate();
    const cursor = new LookupCursor(child, 0, 1);
    cursor.disableMarkAccessed();
    expect(cursor.requireOwnedPage(READ, 1, new LazyPageRequest())).toBe(Status.OK);
    expect([ageAt(root, 0), ageAt(child, 0)]).toEqual([0, 0]);
  });

  test("O-C11: of a page by ifExistPages is not noted", () => {
    const root = pagerRoot("p.......");
    root.system.queues.rotate();
    const cursor = new LookupCursor(root, 0, 1);
    cursor.disableMarkAccessed();
    expect(cursor.ifExistPages(READ, 1, new Float64Array(1), 0)).toBe(1);
    expect(ageAt(root, 0)).toBe(1);
  });
});

function queueOfNew(node: CowNode, disable: (cursor: LookupCursor) => void): Queue {
  const cursor = new LookupCursor(node, 0, 1);
  disable(cursor);
  expect(cursor.requireOwnedPage(READ, 1, new LazyPageRequest())).toBe(Status.OK);
  return node.system.queues.queueOf(cursor.frame);
}

describe("a new page of zeroes", () => {
  test("O-C13: is filed to be looked at again, unless that is disabled", () => {
    const { system } = createSmallSystem();
    expect(queueOfNew(anonymousNode(system, 1), () => {})).toBe(Queue.ANONYMOUS_ZERO_FORK);
    const isDisabled = queueOfNew(anonymousNode(system, 1), (cursor) => cursor.disableZeroFork());
    expect(isDisabled).toBe(Queue.ANONYMOUS);
  });

  test("O-C13: of a pager's root, or of high priority, is filed as any other", () => {
    expect(queueOfNew(pagerRoot("M......."), () => {})).toBe(Queue.RECLAIM);
    const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
    const node = anonymousNode(system, 1);
    changeHighPriorityCount(node, 1);
    expect(queueOfNew(node, () => {})).toBe(Queue.HIGH_PRIORITY);
  });
});

describe("a window", () => {
  test("O-C1: has at least one page, and all of them inside", () => {
    const node = anonymousNode(createSmallSystem().system, 4);
    for (const [page, count] of [
      [0, 0],
      [4, 1],
      [3, 2],
      [-1, 2],
    ] as const) {
      expect(panicRule(() => new LookupCursor(node, page, count))).toBe("O-C1");
    }
    expect(new LookupCursor(node, 3, 1).remaining).toBe(1);
  });

  test("O-C1: is not left by any call", () => {
    const node = anonymousNode(createSmallSystem().system, 4);
    const cursor = new LookupCursor(node, 1, 2);
    const request = new LazyPageRequest();
    const out = new Float64Array(8);
    expect(panicRule(() => cursor.requirePage(READ, 3, request))).toBe("O-C1");
    expect(panicRule(() => cursor.requirePage(READ, 0, request))).toBe("O-C1");
    expect(panicRule(() => cursor.requireOwnedPage(READ, 3, request))).toBe("O-C1");
    expect(panicRule(() => cursor.ifExistPages(READ, 3, out, 0))).toBe("O-C1");
    expect(cursor.skipMissingPages()).toBe(2);
    expect(panicRule(() => cursor.skipMissingPages())).toBe("O-C1");
    expect(panicRule(() => cursor.maybePage(READ))).toBe("O-C1");
  });

  test("O-C2: is resolved anew at every step: a run alternates between owners", () => {
    const { system } = createSmallSystem();
    const original = anonymousNode(system, 8);
    for (const page of [0, 2, 3, 6]) fillPage(original, page, page + 1);
    original.setSlot(4, 2);
    const copy = clone(original, SNAPSHOT, 0, 8);
    fillPage(original, 3, 50);
    for (const page of [1, 2, 5]) fillPage(copy, page, page + 10);
    const cursor = new LookupCursor(copy, 0, 8);
    const seen: number[] = [];
    while (cursor.remaining > 0) {
      expect(cursor.requireOwnedPage(WRITE, 1, new LazyPageRequest())).toBe(Status.OK);
      seen.push(valueAt(copy, cursor.page - 1));
      expect(cursor.frame).toBe(slotPage(copy.get(cursor.page - 1)));
    }
    expect(seen).toEqual([1, 11, 12, 4, 0, 15, 7, 0]);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((page) => valueAt(original, page))).toEqual([
      1, 0, 3, 50, 0, 0, 7, 0,
    ]);
    validateSystem(system, [copy]);
  });

  test("O-C2: is resolved through 500 generations without recursion", () => {
    const { system } = createSmallSystem();
    let node = anonymousNode(system, 2);
    fillPage(node, 0, 9);
    for (let i = 0; i < 500; i++) node = clone(node, SNAPSHOT, 0, 2);
    const cursor = new LookupCursor(node, 0, 2);
    expect(cursor.requireOwnedPage(WRITE, 2, new LazyPageRequest())).toBe(Status.OK);
    expect(valueAt(node, 0)).toBe(9);
    expect(cursor.skipMissingPages()).toBe(1);
  });
});

test("O-C2: a page that the pager lets become dirty is found dirty by the next try", () => {
  const root = pagerRoot("p.......");
  const request = new LazyPageRequest();
  const first = new LookupCursor(root, 0, 1);
  expect(first.requirePage(WRITE, 1, request)).toBe(Status.SHOULD_WAIT);
  markDirty(root, 0);
  root.source!.onPagesDirtied(0, 1);
  expect(request.status).toBe(Status.OK);
  expect(first.requirePage(WRITE, 1, request)).toBe(Status.OK);
  expect(first.isWritable).toBe(true);
  expect(root.system.pmm.pages.dirtyState[first.frame]).toBe(DirtyState.DIRTY);
  expect(root.kind).toBe(NodeKind.PAGER);
});
