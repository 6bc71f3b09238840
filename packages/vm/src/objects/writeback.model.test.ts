import { NO_FRAME, Status } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  draw,
  erase,
  firstWord,
  frameWith,
  pagerScene,
  type PagerScene,
} from "../../test/pager-scene.ts";
import { run } from "../../test/small-system.ts";
import type { Blocking } from "./blocking.ts";
import { dirtyPages } from "./dirty-pages.ts";
import { type DirtyRange, enumerateDirtyRanges } from "./dirty-ranges.ts";
import { failPageRequests } from "./fail-requests.ts";
import { LookupCursor, PageAccess } from "./lookup-cursor.ts";
import { LazyPageRequest, RequestType } from "./page-request.ts";
import { HintAction, reclaimPage } from "./reclaim.ts";
import { resizeNode } from "./resize.ts";
import { pageSlot, SlotKind, slotKind, slotPage } from "./slot.ts";
import { SpliceList } from "./splice-list.ts";
import { supplyPages } from "./supply.ts";
import { PacketType } from "./user-pager.ts";
import { WritebackKind, writebackBegin, writebackEnd } from "./writeback.ts";
import { zeroPages } from "./zero.ts";

const PAGES = 4;
const THREADS = 2;

/** A thread that runs one operation at a time, and what it waits for. */
interface Thread {
  operation: Blocking<Status>;
  request: LazyPageRequest;
}

/**
 * A pager that keeps one number a page in its storage, and the kernel's object over it, used by two
 * threads. The model knows the number that was last written to each page, which is all that a reader may
 * ever see.
 */
class Storage {
  readonly scene: PagerScene;
  /** What the last write to a page that was carried out wrote. */
  private readonly written: number[] = Array.from({ length: PAGES }, (_, page) => 1000 + page);
  private readonly stored: number[] = [...this.written];
  /** What the writeback that is under way stores, by page. */
  private readonly storing = new Map<number, number>();
  private listed: readonly DirtyRange[] = [];
  private readonly threads: (Thread | null)[] = Array.from({ length: THREADS }, () => null);
  private nextNumber = 2000;

  constructor(trapsDirty: boolean) {
    this.scene = pagerScene(".".repeat(PAGES), { trapsDirty });
  }

  read(thread: number, page: number): void {
    this.start(thread, this.readPage(page));
  }

  write(thread: number, page: number): void {
    this.start(thread, this.writePage(page, this.nextNumber++));
  }

  zero(thread: number, page: number): void {
    this.start(thread, this.zeroPage(page));
  }

  resize(count: number): void {
    const { node } = this.scene;
    expect(resizeNode(node, count)).toBe(Status.OK);
    this.written.fill(0, count);
  }

  evict(page: number): void {
    const slot = this.scene.node.get(page);
    if (slotKind(slot) !== SlotKind.PAGE) return;
    reclaimPage(this.scene.system, slotPage(slot), HintAction.FOLLOW);
  }

  /**
   * One of the three steps of a writeback. Between them anything may happen, so the list may be out of
   * date.
   */
  writeBack(): void {
    if (this.storing.size > 0) this.endWriteback();
    else if (this.listed.length > 0) this.beginWriteback();
    else this.listed = enumerateDirtyRanges(this.scene.node, 0, this.scene.node.sizePages);
  }

  private beginWriteback(): void {
    const { node } = this.scene;
    for (const { page, count, isZero } of this.listed) {
      if (page + count > node.sizePages) continue;
      writebackBegin(node, page, count, isZero ? WritebackKind.ZEROES : WritebackKind.PAGES);
      for (let at = page; at < page + count; at++) {
        this.storing.set(at, isZero ? 0 : this.numberAt(at));
      }
    }
    this.listed = [];
  }

  private endWriteback(): void {
    for (const [page, number] of this.storing) {
      if (page < this.scene.node.sizePages) writebackEnd(this.scene.node, page, 1);
      this.stored[page] = number;
    }
    this.storing.clear();
  }

  /** Supplies pages that are absent or not, whether or not somebody asked. */
  supply(page: number, count: number): void {
    const { node, system } = this.scene;
    const list = new SpliceList(system, count);
    for (let at = 0; at < count; at++) {
      const number = this.stored[page + at]!;
      if (number !== 0) list.put(at, pageSlot(frameWith(system, number)));
    }
    run(supplyPages(node, page, list));
    list.free();
  }

  fail(page: number): void {
    failPageRequests(this.scene.node, page, 1, Status.IO);
  }

  /** The pager answers one packet. False when there is none. */
  serve(): boolean {
    const { pager, node } = this.scene;
    const packet = pager.read();
    if (packet === null) return false;
    const count = Math.min(packet.count, node.sizePages - packet.page);
    if (count < 1) return true;
    if (packet.type === PacketType.READ) this.supply(packet.page, count);
    if (packet.type === PacketType.DIRTY) run(dirtyPages(node, packet.page, count));
    return true;
  }

  /** Threads whose wait is over go on. */
  resume(): void {
    for (const [at, thread] of this.threads.entries()) {
      if (thread === null || thread.request.isOutstanding) continue;
      this.advance(at, thread.operation, thread.request.status);
    }
  }

  /** Until everybody is done: nobody may wait for ever. */
  settle(): void {
    for (let round = 0; this.threads.some((thread) => thread !== null); round++) {
      expect(round).toBeLessThan(50);
      while (this.serve()) this.check();
      this.resume();
      this.check();
    }
    const { source } = this.scene;
    expect(
      [RequestType.READ, RequestType.DIRTY].flatMap((type) => source.outstanding(type)),
    ).toEqual([]);
  }

  check(): void {
    const { node, source, pager } = this.scene;
    source.validate();
    pager.validate();
    const drawing = draw(node);
    for (const [page, letter] of [...drawing].entries()) this.checkPage(page, letter);
    for (const request of source.outstanding(RequestType.READ)) {
      expect([request.describe(), drawing.slice(request.page, request.end)]).toEqual([
        request.describe(),
        expect.stringContaining("."),
      ]);
    }
  }

  finish(): void {
    const { node, system } = this.scene;
    erase(node);
    expect(system.pmm.liveCount).toBe(0);
  }

  /** Whatever is not dirty is stored; what awaits being clean is being stored; nothing else is ever seen. */
  private checkPage(page: number, letter: string): void {
    const expected = [page, letter, this.written[page]];
    if (letter !== ".") expect([page, letter, this.numberAt(page)]).toEqual(expected);
    if (letter === "A" || letter === "^")
      expect([page, letter, this.storing.get(page)]).toEqual(expected);
    if (".CM".includes(letter)) expect([page, letter, this.stored[page]]).toEqual(expected);
  }

  /** What the node has in a page; 0 for zeroes. */
  private numberAt(page: number): number {
    const slot = this.scene.node.get(page);
    return slotKind(slot) === SlotKind.PAGE ? firstWord(this.scene.system, slotPage(slot)) : 0;
  }

  private start(thread: number, operation: Blocking<Status>): void {
    this.threads[thread]?.operation.return(Status.CANCELED);
    this.advance(thread, operation, Status.OK);
  }

  private advance(thread: number, operation: Blocking<Status>, status: Status): void {
    const step = operation.next(status);
    this.threads[thread] = step.done === true ? null : { operation, request: step.value };
  }

  private *readPage(page: number): Blocking<Status> {
    const frame = yield* this.frameOf(page, PageAccess.READ);
    if (frame === NO_FRAME) return Status.BAD_STATE;
    expect([page, firstWord(this.scene.system, frame)]).toEqual([page, this.written[page]]);
    return Status.OK;
  }

  private *writePage(page: number, number: number): Blocking<Status> {
    const frame = yield* this.frameOf(page, PageAccess.WRITE);
    if (frame === NO_FRAME) return Status.BAD_STATE;
    const { pmm } = this.scene.system;
    pmm.writeBytes(frame, 0, new Uint8Array(new Int32Array([number]).buffer));
    this.written[page] = number;
    return Status.OK;
  }

  /**
   * A page fault: tries, waits, and tries from the start. NO_FRAME when the page is gone or a wait failed.
   */
  private *frameOf(page: number, access: PageAccess): Generator<LazyPageRequest, number, Status> {
    const request = new LazyPageRequest();
    try {
      while (page < this.scene.node.sizePages) {
        const cursor = new LookupCursor(this.scene.node, page, 1);
        const status = cursor.requirePage(access, 1, request);
        if (status === Status.OK) return cursor.frame;
        expect(status).toBe(Status.SHOULD_WAIT);
        if ((yield request) !== Status.OK) return NO_FRAME;
      }
      return NO_FRAME;
    } finally {
      request.cancel();
    }
  }

  private *zeroPage(page: number): Blocking<Status> {
    const status = yield* zeroPages(this.scene.node, page, 1, { pages: 0 });
    if (status === Status.OK) this.written[page] = 0;
    return status;
  }
}

type Step = (storage: Storage) => void;

const pages = fc.nat(PAGES - 1);
const threads = fc.nat(THREADS - 1);

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(threads, pages).map(
      ([thread, page]): Step =>
        (s) =>
          s.write(thread, page),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(threads, pages).map(
      ([thread, page]): Step =>
        (s) =>
          s.read(thread, page),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(threads, pages).map(
      ([thread, page]): Step =>
        (s) =>
          s.zero(thread, page),
    ),
  },
  { weight: 8, arbitrary: fc.constant<Step>((s) => s.serve()) },
  { weight: 8, arbitrary: fc.constant<Step>((s) => s.resume()) },
  { weight: 6, arbitrary: fc.constant<Step>((s) => s.writeBack()) },
  {
    weight: 3,
    arbitrary: pages.map(
      (page): Step =>
        (s) =>
          s.evict(page),
    ),
  },
  {
    weight: 1,
    arbitrary: pages.map(
      (page): Step =>
        (s) =>
          s.fail(page),
    ),
  },
  {
    weight: 1,
    arbitrary: pages.map(
      (page): Step =>
        (s) =>
          s.resize(page + 1),
    ),
  },
  {
    weight: 1,
    arbitrary: pages.map(
      (page): Step =>
        (s) =>
          s.supply(page, Math.max(1, s.scene.node.sizePages - page)),
    ),
  },
);

describe("a pager that stores what it is told to", () => {
  it.each([true, false])(
    "never loses a write, shows anything older or keeps anybody waiting; trapping: %s (P16, P17, P18, O-D2, O-D4, O-D7, O-D8)",
    (trapsDirty) => {
      fc.assert(
        fc.property(fc.array(steps, { minLength: 1, maxLength: 60, size: "max" }), (taken) => {
          const storage = new Storage(trapsDirty);
          for (const step of taken) {
            step(storage);
            storage.check();
          }
          storage.settle();
          storage.finish();
        }),
        { numRuns: 300 },
      );
    },
  );
});
