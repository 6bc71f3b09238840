import { PAGE_BYTES, Status } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as content from "../../test/page-contents.ts";
import { Trap } from "../../test/page-contents.ts";
import { answer, supply } from "../../test/pager-answers.ts";
import {
  anonymousNode,
  createSmallSystem,
  fillPage,
  pagerNode,
  run,
} from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import type { CowNode } from "./cow-node.ts";
import { complete } from "./driving.ts";
import { DirtyState } from "./pages.ts";
import { AllocationPolicy } from "./pmm.ts";
import { resizeNode } from "./resize.ts";
import { slotPage } from "./slot.ts";
import { readBytes, writeBytes, type BytePosition, type Transfer } from "./transfer.ts";
import { validateSystem } from "./validate.ts";

function position(at: number): BytePosition {
  return { page: Math.floor(at / PAGE_BYTES), offsetBytes: at % PAGE_BYTES };
}

function bytes(length: number, first: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + i * 7);
}

/** Everything a node shows, without waiting. */
function everything(node: CowNode): Uint8Array {
  const all = new Uint8Array(node.sizePages * PAGE_BYTES);
  expect(run(readBytes(node, position(0), all))).toEqual({ status: Status.OK, bytes: all.length });
  return all;
}

interface Script {
  readonly ended: Transfer;
  readonly waits: string[];
}

/** Runs a transfer, answering every wait. */
function drive(node: CowNode, operation: ReturnType<typeof readBytes>): Script {
  const waits: string[] = [];
  const respond = answer(node);
  const ended = complete(operation, (request) => {
    waits.push(request.describe());
    respond(request);
  });
  validateSystem(node.system, [node]);
  return { ended, waits };
}

describe("bytes of an anonymous node", () => {
  test("O-C21: are zero until written, and reading makes no pages", () => {
    const node = anonymousNode(createSmallSystem().system, 3);
    expect(everything(node).every((byte) => byte === 0)).toBe(true);
    expect(node.slots.populatedCount).toBe(0);
  });

  test("O-C21 P9: are what was written last, at any offset and length", () => {
    const SIZE = 3 * PAGE_BYTES;
    const edge = fc.oneof(
      fc.constantFrom(0, 1, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 2 * PAGE_BYTES, SIZE),
      fc.integer({ min: 0, max: SIZE }),
    );
    const writes = fc.array(fc.tuple(edge, edge, fc.integer({ min: 1, max: 255 })), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(writes, (all) => {
        const node = anonymousNode(createSmallSystem({ frames: 8 }).system, 3);
        const flat = new Uint8Array(SIZE);
        for (const [one, other, value] of all) {
          const [start, end] = [Math.min(one, other), Math.max(one, other)];
          const data = bytes(end - start, value);
          const ended = run(writeBytes(node, position(start), data));
          expect(ended).toEqual({ status: Status.OK, bytes: end - start });
          flat.set(data, start);
          const back = new Uint8Array(end - start);
          run(readBytes(node, position(start), back));
          expect(Buffer.compare(back, data)).toBe(0);
        }
        expect(Buffer.compare(everything(node), flat)).toBe(0);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  test("O-C21: of no length end in OK, also at the very end", () => {
    const node = anonymousNode(createSmallSystem().system, 2);
    const nothing = { status: Status.OK, bytes: 0 };
    expect(run(writeBytes(node, position(2 * PAGE_BYTES), new Uint8Array(0)))).toEqual(nothing);
    expect(run(readBytes(node, position(5), new Uint8Array(0)))).toEqual(nothing);
    expect(node.slots.populatedCount).toBe(0);
  });

  test("O-C21 P10: written to a snapshot change it only", () => {
    const { system } = createSmallSystem();
    const original = anonymousNode(system, 3);
    run(writeBytes(original, position(0), bytes(3 * PAGE_BYTES, 1)));
    const before = everything(original);
    const copy = cloneNode(original, "owner", CloneKind.SNAPSHOT, 0, 3);
    if (!isValue(copy)) throw new Error("no clone");
    run(writeBytes(copy, position(PAGE_BYTES - 5), bytes(10, 100)));
    expect(Buffer.compare(everything(original), before)).toBe(0);
    before.set(bytes(10, 100), PAGE_BYTES - 5);
    expect(Buffer.compare(everything(copy), before)).toBe(0);
    validateSystem(system, [copy]);
  });

  test("O-C22 P21: written until memory runs out stay, and are counted", () => {
    const { system } = createSmallSystem();
    const node = anonymousNode(system, 4);
    fillPage(node, 0, 1);
    fillPage(node, 1, 1);
    system.pmm.failures.failAlways();
    const ended = run(writeBytes(node, position(100), bytes(4 * PAGE_BYTES - 100, 3)));
    expect(ended).toEqual({ status: Status.NO_MEMORY, bytes: 2 * PAGE_BYTES - 100 });
    system.pmm.failures.failNever();
    const expected = new Uint8Array(4 * PAGE_BYTES);
    expected[0] = 1;
    expected.set(bytes(2 * PAGE_BYTES - 100, 3), 100);
    expect(Buffer.compare(everything(node), expected)).toBe(0);
    expect(node.modified).toBe(false);
  });

  test("O-C22 P21: are written after a wait for memory where that is allowed", () => {
    const { system } = createSmallSystem();
    const node = content.anonymous(content.nothing)(system, AllocationPolicy.CAN_WAIT);
    system.pmm.delays.failAt(2);
    const data = bytes(3 * PAGE_BYTES, 9);
    const script = drive(node, writeBytes(node, position(50), data));
    expect(script).toEqual({
      ended: { status: Status.OK, bytes: data.length },
      waits: ["MEMORY 0+0"],
    });
    expect(Buffer.compare(everything(node).subarray(50, 50 + data.length), data)).toBe(0);
  });
});

describe("bytes of a pager's tree", () => {
  test("O-C9: are asked for 16 pages at a time, and no further than the range goes", () => {
    const root = pagerNode(createSmallSystem().system, 40);
    const into = new Uint8Array(35 * PAGE_BYTES - 1);
    const script = drive(root, readBytes(root, position(2 * PAGE_BYTES + 1), into));
    expect(script.waits).toEqual(["READ 2+16", "READ 18+16", "READ 34+3"]);
    expect(script.ended).toEqual({ status: Status.OK, bytes: into.length });
    // Page 2 holds the word 3, and the read began one byte later.
    expect([into[0], into[PAGE_BYTES - 1], into[2 * PAGE_BYTES - 1]]).toEqual([0, 4, 5]);
  });

  test("O-C9: are asked for a page when a byte of it is read", () => {
    const root = pagerNode(createSmallSystem().system, 40);
    const script = drive(root, readBytes(root, position(4 * PAGE_BYTES - 1), new Uint8Array(2)));
    expect(script.waits).toEqual(["READ 3+2"]);
  });

  test("O-C22 P16: are written after the pager gave content and leave, and count as modified", () => {
    const root = content.pagerRoot(Trap.ON, content.nothing)(createSmallSystem().system);
    const script = drive(
      root,
      writeBytes(root, position(2 * PAGE_BYTES + 4), bytes(PAGE_BYTES, 1)),
    );
    expect(script.waits).toEqual(["READ 2+2", "DIRTY 2+2"]);
    expect(script.ended).toEqual({ status: Status.OK, bytes: PAGE_BYTES });
    expect(root.modified).toBe(true);
    const states = [2, 3].map((page) => root.system.pmm.pages.dirtyState[slotPage(root.get(page))]);
    expect(states).toEqual([DirtyState.DIRTY, DirtyState.DIRTY]);
    const word = new Uint8Array(8);
    run(readBytes(root, position(2 * PAGE_BYTES), word));
    expect([...word]).toEqual([3, 0, 0, 0, 1, 8, 15, 22]);
  });

  test("O-C12: written where dirty pages are not trapped make dirty what is written, and no more", () => {
    const root = content.pagerRoot(Trap.OFF, content.nothing)(createSmallSystem().system);
    supply(root, 0, 8);
    drive(root, writeBytes(root, position(PAGE_BYTES), bytes(2 * PAGE_BYTES, 1)));
    const { dirtyState } = root.system.pmm.pages;
    const states = [0, 1, 2, 3].map((page) => dirtyState[slotPage(root.get(page))]);
    const { CLEAN, DIRTY } = DirtyState;
    expect(states).toEqual([CLEAN, DIRTY, DIRTY, CLEAN]);
  });

  test("O-C22: read leave the node unmodified", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    drive(root, readBytes(root, position(0), new Uint8Array(10)));
    expect(root.modified).toBe(false);
  });

  test("O-C22: end in what a wait ends in, and those before it count", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    supply(root, 0, 2);
    const into = new Uint8Array(4 * PAGE_BYTES - 10);
    const ended = complete(readBytes(root, position(10), into), (request) => {
      root.source!.onPagesFailed(request.page + 1, 1, Status.IO_DATA_INTEGRITY);
    });
    expect(ended).toEqual({ status: Status.IO_DATA_INTEGRITY, bytes: 2 * PAGE_BYTES - 10 });
    expect(into[PAGE_BYTES - 10]).toBe(2);
    const write = complete(writeBytes(root, position(3 * PAGE_BYTES), bytes(4, 1)), () => {});
    expect(write).toEqual({ status: Status.TIMED_OUT, bytes: 0 });
    expect(root.modified).toBe(false);
  });

  test("O-C23: end in OUT_OF_RANGE after a shrink during a wait, and those before it count", () => {
    for (const sizePages of [1, 3]) {
      const root = pagerNode(createSmallSystem().system, 4);
      supply(root, 0, 1);
      const ended = complete(readBytes(root, position(0), new Uint8Array(4 * PAGE_BYTES)), () => {
        expect(resizeNode(root, sizePages)).toBe(Status.OK);
        root.source!.onPagesSupplied(0, sizePages);
      });
      expect(ended).toEqual({ status: Status.OUT_OF_RANGE, bytes: PAGE_BYTES });
    }
  });

  test("O-C16: given up during a wait leave no request behind", () => {
    const root = pagerNode(createSmallSystem().system, 4);
    const operation = readBytes(root, position(0), new Uint8Array(10));
    expect(operation.next().done).toBe(false);
    operation.return({ status: Status.CANCELED, bytes: 0 });
    expect(root.source!.outstanding(0)).toEqual([]);
  });
});
