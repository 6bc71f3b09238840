import { PAGE_BYTES, Status } from "@aspace/arch";
import fc from "fast-check";
import { expect, test } from "vitest";
import { node as newNode, valuesOf } from "../../test/shape-trees.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { CloneKind, cloneNode } from "./clone.ts";
import { commitRange } from "./commit.ts";
import { beginCompression, finishCompression, type Compression } from "./compression.ts";
import type { CowNode } from "./cow-node.ts";
import { decommitRange } from "./decommit.ts";
import { AnonymousReclaim, type MemorySystem } from "./memory-system.ts";
import { resizeNode } from "./resize.ts";
import { scanStep } from "./scanner.ts";
import { takePages } from "./take.ts";
import { tearDownIfUnused } from "./teardown.ts";
import { readBytes, writeBytes, type BytePosition } from "./transfer.ts";
import { validateSystem } from "./validate.ts";
import { zeroPages, zeroRange, type ZeroProgress } from "./zero.ts";

/**
 * Everything that changes how much there is of anonymous objects, against a model in which a snapshot is a
 * copy and an object is an array of numbers. After each step every object shows what its array has, whatever
 * happened to the others, every frame is accounted for, and an operation that failed has changed nothing but
 * what it says.
 */

type Step = { readonly on: number } & (
  | { readonly kind: "write" | "zero part" | "read"; readonly page: number }
  | {
      readonly kind: "zero" | "decommit" | "take" | "commit";
      readonly page: number;
      readonly count: number;
    }
  | { readonly kind: "snapshot"; readonly page: number; readonly count: number }
  | { readonly kind: "resize"; readonly count: number }
  | { readonly kind: "begin compression"; readonly page: number; readonly up: number }
  | { readonly kind: "finish compression" | "scan" | "end" }
);

/** Objects at most, and pages of one. */
const MAX_NODES = 6;
const MAX_PAGES = 6;

interface Twin {
  readonly node: CowNode;
  readonly model: number[];
}

class World {
  readonly system: MemorySystem;
  readonly twins: Twin[] = [];
  private compression: Compression | null = null;
  private lastValue = 0;

  constructor() {
    const { system } = createSmallSystem({ frames: 256, anonymousReclaim: AnonymousReclaim.ON });
    this.system = system;
    this.system.compressor.arm();
    this.add(newNode(system, { sizePages: 4 }), [0, 0, 0, 0]);
  }

  /** Does one step, of which the `failAt`-th attempt to get memory fails. */
  step(step: Step, failAt: number): void {
    const twin = this.twins[step.on % this.twins.length]!;
    this.system.pmm.failures.failAt(failAt);
    this.perform(step, twin);
    this.system.pmm.failures.failNever();
    this.check();
  }

  check(): void {
    for (const { node, model } of this.twins) expect(valuesOf(node)).toEqual(model);
    const nodes = this.twins.map(({ node }) => node);
    validateSystem(this.system, nodes);
  }

  /** Ends everything, and looks whether anything is left. */
  end(): void {
    while (this.twins.length > 0) this.tearDown(this.twins[0]!);
    if (this.compression !== null) finishCompression(this.compression);
    this.system.compressor.disarm();
    expect([this.system.pmm.liveCount, this.system.compressor.liveCount]).toEqual([0, 0]);
  }

  private perform(step: Step, twin: Twin): void {
    const { node, model } = twin;
    switch (step.kind) {
      case "write":
        return this.write(twin, step.page);
      case "zero part":
        return zeroPart(twin, step.page);
      case "read":
        return read(twin, step.page);
      case "zero":
        return zero(twin, step.page, step.count);
      case "decommit":
        return clearIf(decommitRange(node, step.page, step.count), model, step.page, step.count);
      case "take":
        return take(twin, step.page, step.count);
      case "commit":
        return commit(twin, step.page, step.count);
      case "snapshot":
        return this.snapshot(twin, step.page, step.count);
      case "resize":
        return resize(twin, step.count);
      case "begin compression":
        return this.begin(node, step.page, step.up);
      case "finish compression":
        return this.finish();
      case "scan":
        scanStep(this.system, { zeroForkPages: 2, reclaimPages: 2, minAge: 1 });
        return;
      case "end":
        if (this.twins.length > 1) this.tearDown(twin);
    }
  }

  private add(node: CowNode, model: number[]): void {
    node.attributionId = node.id;
    this.twins.push({ node, model });
  }

  /** Every value is written once, so that no two contents are ever alike by accident. */
  private write({ node, model }: Twin, page: number): void {
    if (page >= model.length) return;
    const value = ++this.lastValue;
    const bytes = new Uint8Array(Int32Array.of(value).buffer);
    const { status } = run(writeBytes(node, { page, offsetBytes: 0 }, bytes));
    if (status === Status.OK) model[page] = value;
    else expect(status).toBe(Status.NO_MEMORY);
  }

  private snapshot({ node, model }: Twin, page: number, count: number): void {
    if (this.twins.length === MAX_NODES) return;
    const clone = cloneNode(node, "owner", CloneKind.SNAPSHOT, page, count);
    if (!isValue(clone)) return expect(clone).toBe(Status.NO_MEMORY);
    this.add(
      clone,
      Array.from({ length: count }, (_, at) => model[page + at] ?? 0),
    );
  }

  /** Of the node, or of one of the hidden nodes above it. */
  private begin(node: CowNode, page: number, up: number): void {
    let at = node;
    for (let level = 0; level < up && at.parent !== null; level++) at = at.parent;
    this.system.compressor.arm();
    this.compression ??= beginCompression(at, page);
  }

  private finish(): void {
    if (this.compression !== null) finishCompression(this.compression);
    this.compression = null;
  }

  private tearDown(twin: Twin): void {
    this.twins.splice(this.twins.indexOf(twin), 1);
    tearDownIfUnused(twin.node);
  }
}

function clearIf(status: Status, model: number[], page: number, count: number): void {
  if (status === Status.OK) model.fill(0, page, page + count);
}

function zeroPart({ node, model }: Twin, page: number): void {
  if (page >= model.length) return;
  const from: BytePosition = { page, offsetBytes: 0 };
  const status = run(zeroRange(node, from, { page, offsetBytes: PAGE_BYTES - 1 }, () => Status.OK));
  clearIf(status, model, page, 1);
}

function read({ node, model }: Twin, page: number): void {
  if (page >= model.length) return;
  const into = new Int32Array(1);
  const { status } = run(readBytes(node, { page, offsetBytes: 0 }, new Uint8Array(into.buffer)));
  if (status === Status.OK) expect(into[0]).toBe(model[page]);
}

function zero({ node, model }: Twin, page: number, count: number): void {
  const progress: ZeroProgress = { pages: 0 };
  const status = run(zeroPages(node, page, count, progress));
  if (status === Status.OUT_OF_RANGE) expect(page + count).toBeGreaterThan(model.length);
  else
    expect([progress.pages === count, status]).toContain(
      status === Status.OK ? true : Status.NO_MEMORY,
    );
  model.fill(0, page, page + progress.pages);
}

function take({ node, model }: Twin, page: number, count: number): void {
  const list = takePages(node, page, count);
  if (!isValue(list)) return;
  clearIf(Status.OK, model, page, count);
  list.free();
}

function commit({ node, model }: Twin, page: number, count: number): void {
  if (page + count > model.length) return;
  expect([Status.OK, Status.NO_MEMORY]).toContain(run(commitRange(node, page, count)));
}

function resize({ node, model }: Twin, count: number): void {
  if (resizeNode(node, count) !== Status.OK) return;
  const old = model.length;
  model.length = count;
  if (count > old) model.fill(0, old);
}

const on = fc.nat(MAX_NODES);
const page = fc.nat(MAX_PAGES - 1);
const count = fc.nat(MAX_PAGES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("write", "zero part", "read"), on, page }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("zero", "decommit", "take", "commit"),
      on,
      page,
      count,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("snapshot"), on, page, count }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("resize"), on, count }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("begin compression"), on, page, up: fc.nat(2) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("finish compression", "scan", "end"), on }),
  },
);

test("P1, P6, P9, P10, P11, P12, P21: objects show what flat arrays do, whatever is done and whatever fails", () => {
  const steps = fc.array(fc.tuple(step, fc.constantFrom(1, 2, 3, 99, 99, 99)), {
    maxLength: 40,
    size: "max",
  });
  fc.assert(
    fc.property(steps, (all) => {
      const world = new World();
      for (const [each, failAt] of all) world.step(each, failAt);
      world.end();
    }),
    { seed: 1, numRuns: 1000 },
  );
});
