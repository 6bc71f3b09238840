import { FRAME_WORDS, PAGE_BYTES, Status } from "@aspace/arch";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pagerRoot } from "../../test/shape-trees.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { isValue, type Blocking } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import { beginCompression, finishCompression, type Compression } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { dirtyPages } from "./dirty-pages.ts";
import { enumerateDirtyRanges } from "./dirty-ranges.ts";
import { complete } from "./driving.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { RequestType, type LazyPageRequest } from "./page-request.ts";
import { pinRange, unpinRange } from "./pin.ts";
import { AllocationPolicy } from "./pmm.ts";
import { resizeNode } from "./resize.ts";
import { scanStep } from "./scanner.ts";
import { MARKER_SLOT, pageSlot } from "./slot.ts";
import { SpliceList } from "./splice-list.ts";
import { supplyPages } from "./supply.ts";
import { readBytes, writeBytes } from "./transfer.ts";
import { validateSystem } from "./validate.ts";
import { WritebackKind, writebackBegin, writebackEnd } from "./writeback.ts";
import { zeroPages, zeroRange, type ZeroProgress } from "./zero.ts";

/**
 * A pager-backed object, a pager that stores what it is told is dirty, and clones. The object must always show
 * what was last written to it, although its pages are evicted and come back from the store, and the store has
 * nonsense wherever nobody stored anything. Clones must show what they wrote or zeroed themselves.
 */

type Step =
  | {
      readonly kind: "read" | "write" | "zero part" | "pin";
      readonly on: number;
      readonly page: number;
    }
  | { readonly kind: "zero"; readonly on: number; readonly page: number; readonly count: number }
  | {
      readonly kind: "clone" | "snapshot";
      readonly on: number;
      readonly page: number;
      readonly count: number;
    }
  | { readonly kind: "resize"; readonly on: number; readonly count: number }
  | { readonly kind: "begin compression"; readonly on: number; readonly page: number }
  | { readonly kind: "begin writeback"; readonly page: number; readonly count: number }
  | { readonly kind: "end writeback" | "scan" | "unpin" | "finish compression" };

const MAX_NODES = 5;
const MAX_PAGES = 6;
/** What the store has where nothing was stored. */
const NONSENSE = 0x7eee_eeee;

/** What an object must show; null where a clone may follow whatever its ancestors do. */
type Model = (number | null)[];

interface Twin {
  readonly node: CowNode;
  readonly model: Model;
}

class World {
  private readonly system: MemorySystem;
  private readonly root: CowNode;
  private readonly twins: Twin[] = [];
  /** By page of the root: what the pager would supply. */
  private readonly store: number[];
  /** What the pager read when writeback began, by page. */
  private readonly inWriteback: Map<number, number> = new Map();
  private readonly pins: { readonly node: CowNode; readonly page: number }[] = [];
  private compression: Compression | null = null;
  private lastValue = 1000;

  constructor(trapsDirty: boolean) {
    const { system } = createSmallSystem({ frames: 256, anonymousReclaim: AnonymousReclaim.ON });
    this.system = system;
    this.root = pagerRoot(system, 4, trapsDirty);
    this.store = [100, 0, 102, 0];
    this.twins.push({ node: this.root, model: [...this.store] });
  }

  step(step: Step, failAt: number): void {
    this.system.pmm.failures.failAt(failAt);
    this.perform(step);
    this.system.pmm.failures.failNever();
    validateSystem(this.system, [this.root]);
    this.root.source!.validate();
  }

  /** Reads everything at the end: reading in between would keep pages from ever being absent. */
  end(): void {
    for (const twin of this.twins) {
      for (let page = 0; page < twin.model.length; page++) this.read(twin, page);
    }
    if (this.compression !== null) finishCompression(this.compression);
    validateSystem(this.system, [this.root]);
  }

  private perform(step: Step): void {
    switch (step.kind) {
      case "end writeback":
        return this.endWriteback();
      case "begin writeback":
        return this.beginWriteback(step.page, step.count);
      case "scan":
        scanStep(this.system, { zeroForkPages: 2, reclaimPages: 3, minAge: 1 });
        return;
      case "unpin":
        return this.unpin();
      case "finish compression":
        return this.finish();
      default:
        return this.performOn(this.twins[step.on % this.twins.length]!, step);
    }
  }

  private performOn(twin: Twin, step: Extract<Step, { on: number }>): void {
    switch (step.kind) {
      case "read":
        return this.read(twin, step.page);
      case "write":
        return this.write(twin, step.page);
      case "zero part":
        return this.zeroPart(twin, step.page);
      case "zero":
        return this.zero(twin, step.page, step.count);
      case "pin":
        return this.pin(twin, step.page);
      case "clone":
        return this.clone(twin, CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, step.page, step.count);
      case "snapshot":
        return this.clone(twin, CloneKind.SNAPSHOT_MODIFIED, step.page, step.count);
      case "resize":
        return this.resize(twin, step.count);
      case "begin compression":
        this.system.compressor.arm();
        this.compression ??= beginCompression(twin.node, step.page);
    }
  }

  /** Runs an operation to its end, with a pager that answers everything. */
  private drive<T>(operation: Blocking<T>): T {
    return complete(operation, (request) => {
      this.system.pmm.failures.failNever();
      if (request.type === RequestType.READ) this.supply(request);
      else if (request.type === RequestType.DIRTY) this.allowDirty(request);
      else this.system.pmm.serviceWaiters();
    });
  }

  private supply({ page, count }: LazyPageRequest): void {
    const { pmm } = this.system;
    const list = new SpliceList(this.system, count);
    for (let at = 0; at < count; at++) {
      const value = this.store[page + at]!;
      if (value === 0) {
        list.put(at, MARKER_SLOT);
        continue;
      }
      const frame = pmm.allocate(AllocationPolicy.NEVER_WAITS);
      pmm.zero(frame);
      pmm.markWritten(frame);
      pmm.memory.words[frame * FRAME_WORDS] = value;
      list.put(at, pageSlot(frame));
    }
    expect(run(supplyPages(this.root, page, list))).toBe(Status.OK);
    list.free();
  }

  private allowDirty({ page, count }: LazyPageRequest): void {
    expect(run(dirtyPages(this.root, page, count))).toBe(Status.OK);
  }

  private read({ node, model }: Twin, page: number): void {
    if (page >= model.length) return;
    const into = new Int32Array(1);
    const { status } = this.drive(
      readBytes(node, { page, offsetBytes: 0 }, new Uint8Array(into.buffer)),
    );
    if (status !== Status.OK) return expect(status).toBe(Status.NO_MEMORY);
    expect(into[0]).not.toBe(NONSENSE);
    if (model[page] !== null) expect(into[0]).toBe(model[page]);
  }

  private write({ node, model }: Twin, page: number): void {
    if (page >= model.length) return;
    const value = ++this.lastValue;
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    const { status } = this.drive(writeBytes(node, { page, offsetBytes: 0 }, bytes));
    if (status === Status.OK) model[page] = value;
    else expect(status).toBe(Status.NO_MEMORY);
  }

  private zeroPart({ node, model }: Twin, page: number): void {
    if (page >= model.length) return;
    const to = { page, offsetBytes: PAGE_BYTES - 1 };
    const status = this.drive(zeroRange(node, { page, offsetBytes: 0 }, to, () => Status.OK));
    if (status === Status.OK) model[page] = 0;
    else expect(status).toBe(Status.NO_MEMORY);
  }

  private zero({ node, model }: Twin, page: number, count: number): void {
    const progress: ZeroProgress = { pages: 0 };
    const status = this.drive(zeroPages(node, page, count, progress));
    if (status === Status.OK) expect(progress.pages).toBe(count);
    model.fill(0, page, page + progress.pages);
  }

  private clone(twin: Twin, kind: CloneKind, page: number, count: number): void {
    if (this.twins.length === MAX_NODES) return;
    const clone = cloneNode(twin.node, "owner", kind, page, count);
    if (!isValue(clone)) return;
    clone.attributionId = clone.id;
    const isFrozen = clone.parent!.isHidden;
    const seen = (at: number): number | null => (isFrozen ? twin.model[at]! : null);
    const shown = (_: unknown, at: number): number | null =>
      page + at < twin.model.length ? seen(page + at) : 0;
    this.twins.push({ node: clone, model: Array.from({ length: count }, shown) });
  }

  private resize({ node, model }: Twin, count: number): void {
    if (resizeNode(node, count) !== Status.OK) return;
    const old = model.length;
    model.length = count;
    if (count > old) model.fill(0, old);
    if (node !== this.root) return;
    // What the pager has beyond the end is not the object's any more.
    this.store.length = count;
    if (count > old) this.store.fill(NONSENSE, old);
  }

  /** At most one a node. */
  private pin(twin: Twin, page: number): void {
    if (page >= twin.model.length || this.pins.some(({ node }) => node === twin.node)) return;
    const status = this.drive(pinRange(twin.node, page, 1, PageAccess.READ));
    if (status === Status.OK) this.pins.push({ node: twin.node, page });
  }

  private unpin(): void {
    const pin = this.pins.shift();
    if (pin !== undefined) unpinRange(pin.node, pin.page, 1);
  }

  private beginWriteback(page: number, count: number): void {
    const { root } = this;
    const end = Math.min(page + count, root.sizePages);
    if (this.inWriteback.size > 0 || page >= end) return;
    const ranges = enumerateDirtyRanges(root, page, end - page);
    for (const { page: from, count: length, isZero } of ranges) {
      writebackBegin(root, from, length, isZero ? WritebackKind.ZEROES : WritebackKind.PAGES);
      for (let at = from; at < from + length; at++)
        this.inWriteback.set(at, this.twins[0]!.model[at]!);
    }
  }

  private endWriteback(): void {
    for (const [page, value] of this.inWriteback) {
      if (page >= this.store.length) continue;
      this.store[page] = value;
      writebackEnd(this.root, page, 1);
    }
    this.inWriteback.clear();
  }

  private finish(): void {
    if (this.compression !== null) finishCompression(this.compression);
    this.compression = null;
  }
}

const on = fc.nat(MAX_NODES);
const page = fc.nat(MAX_PAGES - 1);
const count = fc.nat(MAX_PAGES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("read", "write", "zero part", "pin"), on, page }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("zero"), on, page, count }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("clone", "snapshot"), on, page, count }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("resize"), on, count }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("begin compression"), on, page }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("begin writeback"), page, count }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("end writeback", "scan", "scan", "unpin", "finish compression"),
    }),
  },
);

test.for([true, false])(
  "P9, P10, P11, P12, P16, P21: a pager's object never loses what was written, with dirty pages trapped: %s",
  (trapsDirty) => {
    const steps = fc.array(fc.tuple(step, fc.constantFrom(1, 2, 99, 99, 99)), {
      maxLength: 40,
      size: "max",
    });
    fc.assert(
      fc.property(steps, (all) => {
        const world = new World(trapsDirty);
        for (const [each, failAt] of all) world.step(each, failAt);
        world.end();
      }),
      { seed: 1, numRuns: 1000 },
    );
  },
);
