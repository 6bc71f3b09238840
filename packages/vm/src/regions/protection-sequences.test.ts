import { MmuFlags, Status, VPN_LIMIT, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { expect, test } from "vitest";
import { AllocationFailures } from "../objects/allocation-failures.ts";
import { MappingProtectionRanges, RunControl } from "./mapping-protection-ranges.ts";
import { regionQuirks } from "./quirks.ts";

/**
 * Every sequence of a few operations on a mapping of eight pages, against one flag word for each page. Since the
 * ranges are a function of the pages' flags (R-1, checked after every step), sequences that lead to the same pages go
 * on alike: each reachable state is left once by every operation.
 */
const PAGES = 8;

/** A mapping: its first page counts from the window's, `pages` are the oracle. */
interface Piece {
  base: number;
  readonly pages: MmuFlagSet[];
  readonly ranges: MappingProtectionRanges;
}

type Op =
  | { kind: "update"; piece: number; from: number; end: number; flags: MmuFlagSet }
  /** Unmaps [from, end) in the middle; from === end cuts the mapping in two and unmaps nothing. */
  | { kind: "split"; piece: number; from: number; end: number }
  | { kind: "discardBelow"; piece: number; at: number }
  | { kind: "discardAbove"; piece: number; at: number }
  | { kind: "merge"; piece: number };

class World {
  readonly window: Vpn;
  readonly failures: AllocationFailures = new AllocationFailures();
  readonly context = { failures: this.failures, quirks: regionQuirks(new Set()) };
  pieces: Piece[];

  constructor(window: Vpn, flags: MmuFlagSet) {
    this.window = window;
    const pages = Array.from({ length: PAGES }, () => flags);
    this.pieces = [{ base: 0, pages, ranges: new MappingProtectionRanges(flags) }];
  }

  /** What the pages say: the state that sequences may share. */
  key(): string {
    return this.pieces.map(({ base, pages }) => `${base}:${pages.join()}`).join(" ");
  }

  ops(values: readonly MmuFlagSet[]): Op[] {
    return this.pieces.flatMap((piece, index) => [
      ...this.opsOn(piece, index, values),
      ...(this.touchesNext(index) ? [{ kind: "merge", piece: index } as const] : []),
    ]);
  }

  private *opsOn({ base, pages }: Piece, piece: number, values: readonly number[]): Iterable<Op> {
    const top = base + pages.length;
    for (let from = base; from < top; from++) {
      for (let end = from + 1; end <= top; end++) {
        for (const flags of values) yield { kind: "update", piece, from, end, flags };
      }
      if (from === base) continue;
      yield { kind: "discardBelow", piece, at: from };
      yield { kind: "discardAbove", piece, at: from };
      for (let end = from; end < top; end++) yield { kind: "split", piece, from, end };
    }
  }

  private touchesNext(index: number): boolean {
    const { base, pages } = this.pieces[index]!;
    return this.pieces[index + 1]?.base === base + pages.length;
  }

  /** Performs an operation on ranges and oracle, having first failed each of its allocations once. */
  perform(op: Op): void {
    const before = this.key();
    for (let nth = 1; this.isRefusedAt(op, nth); nth++) {
      if (nth > 2) throw new Error("more than two allocations");
      if (this.key() !== before) throw new Error("the oracle moved");
      this.compare();
    }
    this.compare();
  }

  /** Whether the operation ran out of memory at the nth allocation; otherwise it is done. */
  private isRefusedAt(op: Op, nth: number): boolean {
    this.failures.failAt(nth);
    const status = this.execute(op);
    this.failures.failNever();
    return status === Status.NO_MEMORY;
  }

  execute(op: Op): Status {
    const piece = this.pieces[op.piece]!;
    switch (op.kind) {
      case "update":
        return this.update(piece, op.from, op.end, op.flags);
      case "split":
        return this.split(piece, op.from, op.end);
      case "discardBelow":
        piece.ranges.discardBelow(this.window + op.at);
        piece.pages.splice(0, op.at - piece.base);
        piece.base = op.at;
        return Status.OK;
      case "discardAbove":
        piece.ranges.discardAbove(this.window + op.at);
        piece.pages.length = op.at - piece.base;
        return Status.OK;
      default:
        return this.merge(piece, this.pieces[op.piece + 1]!);
    }
  }

  /** I-14: what is shown tiles the range with the oracle's old flags, in the longest runs; nothing on a refusal. */
  private update(piece: Piece, from: number, end: number, flags: MmuFlagSet): Status {
    const shown: number[] = [];
    let previous = -1;
    const status = piece.ranges.update(
      this.extentOf(piece),
      this.window + from,
      end - from,
      flags,
      this.context,
      (vpn, count, old) => {
        if (vpn !== this.window + from + shown.length) throw new Error("runs do not tile");
        if (count < 1 || old === previous) throw new Error("a run is empty or too short");
        previous = old;
        for (let page = 0; page < count; page++) shown.push(old);
      },
    );
    const old = status === Status.OK ? piece.pages.slice(from - piece.base, end - piece.base) : [];
    if (shown.join() !== old.join()) throw new Error(`shown ${shown.join()}, had ${old.join()}`);
    if (status === Status.OK) piece.pages.fill(flags, from - piece.base, end - piece.base);
    return status;
  }

  private split(piece: Piece, from: number, end: number): Status {
    const ranges = piece.ranges.splitAt(this.window + end);
    piece.ranges.discardAbove(this.window + from);
    const pages = piece.pages.slice(end - piece.base);
    piece.pages.length = from - piece.base;
    this.pieces.splice(this.pieces.indexOf(piece) + 1, 0, { base: end, pages, ranges });
    return Status.OK;
  }

  private merge(left: Piece, right: Piece): Status {
    const status = left.ranges.mergeRight(right.ranges, this.window + right.base, this.failures);
    if (status !== Status.OK) return status;
    if (!right.ranges.isSingleRegion) throw new Error("R-5: nodes stayed behind");
    left.pages.push(...right.pages);
    this.pieces = this.pieces.filter((piece) => piece !== right);
    return Status.OK;
  }

  private extentOf({ base, pages }: Piece): { base: Vpn; pageCount: number } {
    return { base: this.window + base, pageCount: pages.length };
  }

  /** I-12: the ranges are well-formed and say page by page what the oracle says. */
  private compare(): void {
    for (const piece of this.pieces) {
      const { ranges, pages } = piece;
      const extent = this.extentOf(piece);
      ranges.validate(extent);
      const seen: number[] = [];
      ranges.enumerate(extent, extent.base, extent.pageCount, (_, count, flags) => {
        for (let page = 0; page < count; page++) seen.push(flags);
        return RunControl.NEXT;
      });
      const found = pages.map((_, page) => ranges.flagsAt(extent.base + page));
      if (seen.join() !== pages.join() || found.join() !== pages.join()) {
        throw new Error(`seen ${seen.join()}, found ${found.join()}, expected ${pages.join()}`);
      }
    }
  }
}

/** Performs every operation from every state that fewer than `longest` operations reach; counts them. */
function everySequence(window: Vpn, values: readonly MmuFlagSet[], longest: number): number {
  const seen = new Set<string>();
  let performed = 0;
  let paths: (readonly Op[])[] = [[]];
  for (let length = 1; length <= longest; length++) {
    const longer: (readonly Op[])[] = [];
    for (const path of paths) {
      for (const op of replay(window, values, path).ops(values)) {
        const world = replay(window, values, path);
        performLast(world, path, op);
        performed++;
        if (length === longest || seen.has(world.key())) continue;
        seen.add(world.key());
        longer.push([...path, op]);
      }
    }
    paths = longer;
  }
  return performed;
}

/** A fresh world, taken along a path that was checked step by step before. */
function replay(window: Vpn, values: readonly MmuFlagSet[], path: readonly Op[]): World {
  const world = new World(window, values[0]!);
  for (const op of path) world.execute(op);
  return world;
}

function performLast(world: World, path: readonly Op[], op: Op): void {
  try {
    world.perform(op);
  } catch (error) {
    throw new Error(`after ${JSON.stringify([...path, op])}`, { cause: error });
  }
}

const READ_ONLY = MmuFlags.READ;
const WRITABLE = MmuFlags.READ | MmuFlags.WRITE;
const EXECUTABLE = MmuFlags.READ | MmuFlags.EXECUTE;

test("R-4 R-5 R-6 I-12 I-14 I-15: every sequence of four with two kinds of flags, at the last address", () => {
  const window = VPN_LIMIT - PAGES;
  expect(everySequence(window, [READ_ONLY, WRITABLE], 4)).toBeGreaterThan(300_000);
});

test("R-4 R-5 R-6 I-12 I-14 I-15: every sequence of three with three kinds of flags, at address 0", () => {
  expect(everySequence(0, [READ_ONLY, WRITABLE, EXECUTABLE], 3)).toBeGreaterThan(100_000);
});
