import { NO_FRAME, Status, statusName, type Pfn } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import * as content from "../../test/page-contents.ts";
import { PAGE, Trap, type Content } from "../../test/page-contents.ts";
import { createSmallSystem, valueAt } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import { rootOf, type CowNode } from "./cow-node.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { LazyPageRequest } from "./page-request.ts";
import { AllocationPolicy } from "./pmm.ts";
import { Resolution, resolve } from "./resolve.ts";
import { SlotKind, slotKind, slotPage, type Slot } from "./slot.ts";
import { validateSystem } from "./validate.ts";

const { READ, WRITE } = PageAccess;
const WINDOW = 4;

/** What the eight methods answer about one kind of content, in the words of `outcome`. */
interface Row {
  readonly build: Content;
  readonly read: string;
  readonly ownRead: string;
  readonly ownWrite: string;
  /** `maybePage`. */
  readonly maybe: { readonly read: string; readonly write: string };
  /** `ifExistPages` with accesses not marked. */
  readonly exist: { readonly read: number; readonly write: number };
  readonly skip: number;
}

const FOUND = { read: "same", write: "none" };
const FREELY = { read: "same", write: "same" };
const NOTHING = { read: "none", write: "none" };
const NONE = { read: 0, write: 0 };
const NEW = "own new writable";
const KEPT = "own same writable";
const BAD_STATE = { read: "BAD_STATE", ownRead: "BAD_STATE", ownWrite: "BAD_STATE" };
const ZERO = {
  read: "zero page read-only",
  ownRead: NEW,
  ownWrite: NEW,
  maybe: NOTHING,
  exist: NONE,
};

/** A real page of an ancestor. */
const INHERITED = {
  read: "ancestor's same read-only",
  maybe: FOUND,
  exist: { read: 1, write: 0 },
  skip: 0,
};
/** A page that has to be decompressed first, in place. */
const COMPRESSED = { ownRead: NEW, ownWrite: NEW, maybe: NOTHING, exist: NONE, skip: 0 };
/** The root's own page. */
const TRACKED = { maybe: FOUND, exist: { read: 1, write: 0 }, skip: 0 };
const CLEAN = { read: "own same read-only clean", ownRead: "own same read-only clean" };
const AWAITING = {
  read: "own same read-only awaiting clean",
  ownRead: "own same read-only awaiting clean",
};
const MADE_DIRTY = "own same writable dirty";
const NEW_DIRTY = "own new writable dirty";
const NEW_CLEAN = "own new read-only clean";
const ASKED = "DIRTY 2+1";

const ANONYMOUS: Record<string, Row> = {
  "an own page": {
    build: content.anonymous(content.cleanPage),
    read: KEPT,
    ownRead: KEPT,
    ownWrite: KEPT,
    maybe: FREELY,
    exist: { read: 1, write: 1 },
    skip: 0,
  },
  "a page of a contiguous node": {
    build: content.contiguous,
    read: KEPT,
    ownRead: KEPT,
    ownWrite: KEPT,
    maybe: FREELY,
    exist: { read: 4, write: 4 },
    skip: 0,
  },
  "an empty slot": { build: content.anonymous(content.nothing), ...ZERO, skip: 4 },
  "a marker": { build: content.anonymous(content.marker), ...ZERO, skip: 0 },
  "an own reference": { build: content.anonymous(content.reference), read: NEW, ...COMPRESSED },
  "an empty slot below a hidden node": {
    build: content.snapshot(content.nothing),
    ...ZERO,
    skip: 4,
  },
  "a marker of a hidden node": { build: content.snapshot(content.marker), ...ZERO, skip: 0 },
  "a shared page of a hidden node": {
    build: content.snapshot(content.cleanPage),
    ...INHERITED,
    ownRead: NEW,
    ownWrite: NEW,
  },
  "a page of a hidden node that nobody else sees": {
    build: content.snapshot(content.cleanPage, content.writtenSince),
    ...INHERITED,
    ownRead: KEPT,
    ownWrite: KEPT,
  },
  "a shared reference of a hidden node": {
    build: content.snapshot(content.reference),
    read: "ancestor's new read-only",
    ...COMPRESSED,
  },
  "a reference of a hidden node that nobody else sees": {
    build: content.snapshot(content.cleanPage, content.compressedSince),
    read: "ancestor's new read-only",
    ...COMPRESSED,
  },
};

function rootRows(trap: Trap): Record<string, Row> {
  const root = (fill: content.Fill): Content => content.pagerRoot(trap, fill);
  const ask = (otherwise: string): string => (trap === Trap.ON ? ASKED : otherwise);
  const absent = { maybe: NOTHING, exist: NONE, skip: 4 };
  return {
    "a dirty page": {
      build: root(content.dirtyPage),
      read: MADE_DIRTY,
      ownRead: MADE_DIRTY,
      ownWrite: MADE_DIRTY,
      ...TRACKED,
    },
    "a clean page": {
      build: root(content.cleanPage),
      ...CLEAN,
      ownWrite: ask(MADE_DIRTY),
      ...TRACKED,
    },
    "a page awaiting clean": {
      build: root(content.awaitingCleanPage),
      ...AWAITING,
      ownWrite: ask(MADE_DIRTY),
      ...TRACKED,
    },
    "a marker": {
      build: root(content.marker),
      ...ZERO,
      ownRead: NEW_CLEAN,
      ownWrite: ask(NEW_DIRTY),
      skip: 0,
    },
    "an interval": {
      build: root(content.interval),
      ...ZERO,
      ownRead: ask(NEW_DIRTY),
      ownWrite: ask(NEW_DIRTY),
      skip: 0,
    },
    "an interval awaiting clean": {
      build: root(content.awaitingCleanInterval),
      ...ZERO,
      ownRead: ask(NEW_DIRTY),
      ownWrite: ask(NEW_DIRTY),
      skip: 0,
    },
    "nothing yet": {
      build: root(content.nothing),
      read: "READ 2+4",
      ownRead: "READ 2+4",
      ownWrite: "READ 2+4",
      ...absent,
    },
    "nothing, and is detached": { build: root(content.detached), ...BAD_STATE, ...absent },
    "nothing, and has lost its pager": { build: root(content.orphaned), ...BAD_STATE, ...absent },
    "a clean page, and has lost its pager": {
      build: root((node, page) => {
        content.cleanPage(node, page);
        content.orphaned(node);
      }),
      ...CLEAN,
      ownWrite: trap === Trap.ON ? "BAD_STATE" : MADE_DIRTY,
      ...TRACKED,
    },
  };
}

const CLONES: Record<string, Row> = {
  "a clean page of the root": {
    build: content.pagerClone(content.cleanPage),
    ...INHERITED,
    ownRead: NEW,
    ownWrite: NEW,
  },
  "a dirty page of the root": {
    build: content.pagerClone(content.dirtyPage),
    ...INHERITED,
    ownRead: NEW,
    ownWrite: NEW,
  },
  "a marker of the root": { build: content.pagerClone(content.marker), ...ZERO, skip: 0 },
  "an interval of the root": { build: content.pagerClone(content.interval), ...ZERO, skip: 0 },
  "what the root has not got yet": {
    build: content.pagerClone(content.nothing),
    read: "READ 3+4",
    ownRead: "READ 3+4",
    ownWrite: "READ 3+4",
    maybe: NOTHING,
    exist: NONE,
    skip: 4,
  },
  "an own page over the root's": {
    build: content.pagerClone(content.cleanPage, content.cleanPage),
    read: KEPT,
    ownRead: KEPT,
    ownWrite: KEPT,
    maybe: FREELY,
    exist: { read: 1, write: 1 },
    skip: 0,
  },
  "an own marker over the root's page": {
    build: content.pagerClone(content.cleanPage, content.marker),
    ...ZERO,
    skip: 0,
  },
  "nothing beyond its window": { build: content.beyondTheWindow, ...ZERO, skip: 4 },
  "a page of a visible clone": {
    build: content.pagerGrandchild(CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, content.cleanPage),
    ...INHERITED,
    ownRead: NEW,
    ownWrite: NEW,
  },
  "a reference of a visible clone": {
    build: content.pagerGrandchild(
      CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE,
      content.cleanPage,
      content.compress,
    ),
    read: "ancestor's new read-only",
    ...COMPRESSED,
  },
  "a page of a hidden node below the root": {
    build: content.pagerGrandchild(CloneKind.SNAPSHOT_MODIFIED, content.cleanPage),
    ...INHERITED,
    ownRead: NEW,
    ownWrite: NEW,
  },
};

/** A node with one kind of content, and what there was before anything was asked. */
interface Scene {
  readonly system: MemorySystem;
  readonly node: CowNode;
  /** NO_FRAME when the content is no page. */
  readonly frame: Pfn;
  readonly cursor: LookupCursor;
  readonly request: LazyPageRequest;
}

function scene(build: Content, policy?: AllocationPolicy): Scene {
  const { system } = createSmallSystem({ anonymousReclaim: AnonymousReclaim.ON });
  const node = build(system, policy);
  const { slot } = resolve(node, PAGE, new Resolution(node));
  const frame = slotKind(slot) === SlotKind.PAGE ? slotPage(slot) : NO_FRAME;
  const cursor = new LookupCursor(node, PAGE, WINDOW);
  return { system, node, frame, cursor, request: new LazyPageRequest() };
}

type Require = (scene: Scene) => Status;
const REQUIRES = {
  read: ({ cursor, request }) => cursor.requirePage(READ, WINDOW, request),
  ownRead: ({ cursor, request }) => cursor.requireOwnedPage(READ, WINDOW, request),
  ownWrite: ({ cursor, request }) => cursor.requireOwnedPage(WRITE, WINDOW, request),
} as const satisfies Record<string, Require>;
const METHODS = Object.entries(REQUIRES) as ["read" | "ownRead" | "ownWrite", Require][];

const DIRTY_STATES = ["", " clean", " dirty", " awaiting clean"];

/** `own same writable dirty`: whose slot, the frame of before or a new one, what may be done, what the pager knows. */
function outcome({ system, node, frame, cursor, request }: Scene, status: Status): string {
  if (status === Status.SHOULD_WAIT) return request.describe();
  if (status !== Status.OK) return statusName(status);
  const rights = cursor.isWritable ? "writable" : "read-only";
  if (cursor.frame === system.pmm.zeroPage) return `zero page ${rights}`;
  const { pages } = system.pmm;
  const whose = pages.node[cursor.frame] === node ? "own" : "ancestor's";
  const what = cursor.frame === frame ? "same" : "new";
  const dirty = whose === "own" ? DIRTY_STATES[pages.dirtyState[cursor.frame]!]! : "";
  return `${whose} ${what} ${rights}${dirty}`;
}

function found({ frame }: Scene, answer: Pfn): string {
  if (answer === NO_FRAME) return "none";
  return answer === frame ? "same" : "new";
}

/** Every slot of the tree. */
function slotsOf(node: CowNode): Slot[][] {
  return treeOf(node).map((at) => pagesOf(at).map((page) => at.get(page)));
}

/** What every visible node of the tree shows. */
function contentsOf(node: CowNode): number[][] {
  const visible = treeOf(node).filter((at) => !at.isHidden);
  return visible.map((at) => pagesOf(at).map((page) => valueAt(at, page)));
}

function treeOf(node: CowNode): CowNode[] {
  const all = [rootOf(node)];
  for (const at of all) all.push(...at.children);
  return all;
}

function pagesOf(node: CowNode): number[] {
  return Array.from({ length: node.sizePages }, (_, page) => page);
}

function validate({ system, node }: Scene): void {
  validateSystem(system, [node]);
  rootOf(node).source?.validate();
}

const TABLES: readonly [string, Record<string, Row>][] = [
  ["an anonymous node", ANONYMOUS],
  ["a pager's root that is not trapped", rootRows(Trap.OFF)],
  ["a pager's root that is trapped", rootRows(Trap.ON)],
  ["a clone in a pager's tree", CLONES],
];

describe.each(TABLES)("a cursor over %s", (_, table) => {
  describe.each(Object.entries(table))("that has %s", (_name, row) => {
    test.each(METHODS)("O-C2 P14: answers `%s` as the table says", (method, require) => {
      const at = scene(row.build);
      const status = require(at);
      expect(outcome(at, status)).toBe(row[method]);
      expect(at.cursor.page).toBe(status === Status.OK ? PAGE + 1 : PAGE);
      validate(at);
    });

    test.each(METHODS)(
      "O-C3 P11: shows everyone the same content after `%s`",
      (_method, require) => {
        const at = scene(row.build);
        const before = contentsOf(at.node);
        const status = require(at);
        expect(contentsOf(at.node)).toEqual(before);
        if (status !== Status.OK) return;
        expect(at.system.pmm.isZero(at.cursor.frame)).toBe(valueAt(at.node, PAGE) === 0);
        if (at.cursor.isWritable) writeThrough(at, before);
      },
    );

    test("O-C4: `maybePage` takes what can be used now and always steps", () => {
      for (const access of [READ, WRITE]) {
        const at = scene(row.build);
        const before = slotsOf(at.node);
        expect(found(at, at.cursor.maybePage(access))).toBe(row.maybe[access]);
        expect(at.cursor.page).toBe(PAGE + 1);
        expect(slotsOf(at.node)).toEqual(before);
      }
    });

    test("O-C5: `ifExistPages` counts what can be used now and steps over it", () => {
      for (const access of [READ, WRITE]) {
        const at = scene(row.build);
        at.cursor.disableMarkAccessed();
        const before = slotsOf(at.node);
        const out = new Float64Array(WINDOW).fill(NO_FRAME);
        const count = at.cursor.ifExistPages(access, WINDOW, out, 0);
        expect(count).toBe(row.exist[access]);
        expect(at.cursor.page).toBe(PAGE + count);
        expect(found(at, out[0]!)).toBe(count > 0 ? "same" : "none");
        expect(slotsOf(at.node)).toEqual(before);
      }
    });

    test("O-C6: `skipMissingPages` steps over nothing at all, and over nothing else", () => {
      const at = scene(row.build);
      const before = slotsOf(at.node);
      expect(at.cursor.skipMissingPages()).toBe(row.skip);
      expect(at.cursor.page).toBe(PAGE + row.skip);
      expect(slotsOf(at.node)).toEqual(before);
    });

    test.each(METHODS)(
      "O-C7 P21: `%s` fails at any allocation and changes no content",
      (method, require) => {
        for (let n = 1; ; n++) {
          const at = scene(row.build);
          const before = contentsOf(at.node);
          at.system.pmm.failures.failAt(n);
          const status = require(at);
          if (at.system.pmm.failures.isPending()) break;
          expect(status).toBe(Status.NO_MEMORY);
          expect(at.cursor.page).toBe(PAGE);
          expect(contentsOf(at.node)).toEqual(before);
          validate(at);
          // The first attempt may have decompressed the page.
          const again = outcome(at, require(at));
          expect(again).toBe(row[method]);
        }
      },
    );

    test.each(METHODS)(
      "O-C8 P21: `%s` waits for memory and then answers the same",
      (method, require) => {
        for (let n = 1; ; n++) {
          const at = scene(row.build, AllocationPolicy.CAN_WAIT);
          const before = contentsOf(at.node);
          at.system.pmm.delays.failAt(n);
          const status = require(at);
          if (at.system.pmm.delays.isPending()) break;
          expect(status).toBe(Status.SHOULD_WAIT);
          expect(at.request.describe()).toBe("MEMORY 0+0");
          expect(contentsOf(at.node)).toEqual(before);
          validate(at);
          at.system.pmm.serviceWaiters();
          expect(at.request.status).toBe(Status.OK);
          expect(outcome(at, require(at))).toBe(row[method]);
        }
      },
    );
  });
});

/** What is written to a writable frame shows in the node, and in nobody who does not follow it (P10, P14). */
function writeThrough({ node, cursor }: Scene, before: number[][]): void {
  const { pmm } = node.system;
  pmm.writeBytes(cursor.frame, 0, Uint8Array.of(55, 0, 0, 0));
  expect(valueAt(node, PAGE)).toBe(55);
  const changed = contentsOf(node)
    .flat()
    .filter((value, at) => value !== before.flat()[at]);
  expect(changed).toEqual([55]);
}
