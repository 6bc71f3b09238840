import {
  Enlarge,
  ExistingEntry,
  MmuFlags,
  type MmuFlagSet,
  NonTerminalAction,
  TerminalAction,
  type Vpn,
} from "@aspace/arch";
import type { Random } from "./random.ts";
import { POLICIES, RO, RW, RWX, RX, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/**
 * Sequences of operations drawn from a seed, dense around the edges of tables and large leaves, with
 * allocations that fail and CPUs that come, go and look. Every check of `CheckedAspace` runs after
 * every operation; what CPUs see through warm caches is compared as well.
 */
export function runRandomOperations(world: World, random: Random, operations: number): void {
  const window = new Window(world, random);
  for (let i = 0; i < operations; i++) {
    if (random.ratio(1, 6)) world.machine.tables.failures.failAt(1 + random.below(3));
    random.pick(MOVES)(world, random, window);
    world.machine.tables.failures.failNever();
    if (random.ratio(1, 3)) world.subject.observeWarm(window.page(), 2);
    if (random.ratio(1, 4)) touchSome(world, random, window);
  }
  world.subject.clear();
}

type Move = (world: World, random: Random, window: Window) => void;

/** How many pages around an edge operations start at. */
const SPREAD = 5;

/** The pages that a sequence works on: around a few edges that lie close together. */
class Window {
  readonly #random: Random;
  readonly #anchors: readonly Vpn[];
  readonly #counts: readonly number[];
  readonly #limit: Vpn;

  constructor(world: World, random: Random) {
    const { origin, tableSpan, largestLeaf, leafSizes } = world;
    this.#random = random;
    this.#anchors = [origin, origin + tableSpan, origin + largestLeaf, origin + 2 * tableSpan];
    this.#counts = [1, 1, 1, 2, 3, 5, 8, tableSpan, tableSpan + 1, ...leafSizes];
    this.#limit = origin + 3 * largestLeaf;
  }

  page(): Vpn {
    return this.#random.pick(this.#anchors) + this.#random.below(2 * SPREAD) - SPREAD;
  }

  /** A first page and a count; `most` keeps lists of frames short. */
  range(most: number): readonly [Vpn, number] {
    const vpn = this.#random.ratio(1, 3) ? this.#random.pick(this.#anchors) : this.page();
    const count = Math.min(this.#random.pick(this.#counts), most, this.#limit - vpn);
    return [vpn, count];
  }
}

function drawFlags(world: World, random: Random): MmuFlagSet {
  const rights = random.pick([RO, RW, RX, RWX]);
  const user = random.ratio(7, 8) ? userOf(world.subject) : MmuFlags.USER;
  // One policy most of the time: protect needs ranges of one policy.
  const policy = random.ratio(7, 8) ? MmuFlags.CACHED : random.pick(POLICIES);
  return rights | user | policy;
}

const moveMap: Move = (world, random, window) => {
  const [vpn, count] = window.range(world.tableSpan + 1);
  const action = random.pick(Object.values(ExistingEntry));
  const mapped = world.subject.reference.frameOf(vpn);
  const pfns = world.pages(count);
  // Now and then the frame that is there already, which an upgrade treats differently.
  if (mapped !== null && random.ratio(1, 3)) pfns[0] = mapped;
  world.subject.map(vpn, pfns, drawFlags(world, random), action);
};

const moveMapContiguous: Move = (world, random, window) => {
  const [vpn, count] = window.range(2 * world.largestLeaf);
  const isAligned = random.ratio(3, 4);
  const size = isAligned ? world.largestLeaf : 1;
  const most = isAligned ? count : Math.min(count, 2 * world.tableSpan);
  const pfn = world.device(2 * world.largestLeaf + most, size) + (vpn % size);
  world.subject.mapContiguous(vpn, pfn, most, drawFlags(world, random));
};

const moveUnmap: Move = (world, random, window) => {
  const [vpn, count] = window.range(3 * world.largestLeaf);
  world.subject.unmap(vpn, count, random.pick(Object.values(Enlarge)));
};

const moveProtect: Move = (world, random, window) => {
  const [vpn, count] = window.range(2 * world.largestLeaf);
  const policy = world.subject.reference.policyIn(vpn, count);
  if (policy === null) return;
  const rights = drawFlags(world, random) & (MmuFlags.RWX_MASK | MmuFlags.USER);
  world.subject.protect(vpn, count, rights | policy, random.pick(Object.values(Enlarge)));
};

const moveHarvest: Move = (world, random, window) => {
  const [vpn, count] = window.range(2 * world.largestLeaf);
  const nonTerminal = random.pick(Object.values(NonTerminalAction));
  world.subject.harvest(vpn, count, nonTerminal, random.pick(Object.values(TerminalAction)));
};

const moveMarkAccessed: Move = (world, _random, window) => {
  const [vpn, count] = window.range(world.tableSpan);
  world.subject.markAccessed(vpn, count);
};

/** A CPU leaves the subject, or comes back. */
const moveSwitch: Move = (world, random) => {
  const { machine, subject, neighbour, kind } = world;
  const places = kind === "kernel" ? [null, neighbour] : [subject, subject, neighbour, null];
  world.switchTo(random.below(machine.cpus.length), random.pick(places));
  world.subject.validate();
};

const MOVES: readonly Move[] = [
  moveMap,
  moveMap,
  moveMap,
  moveMapContiguous,
  moveMapContiguous,
  moveUnmap,
  moveUnmap,
  moveProtect,
  moveProtect,
  moveHarvest,
  moveMarkAccessed,
  moveSwitch,
];

function touchSome(world: World, random: Random, window: Window): void {
  for (const cpu of world.seers) {
    const vpn = window.page();
    if (random.ratio(1, 2)) cpu.prefetch(vpn);
    else if (world.subject.reference.lookup(vpn) !== null) world.subject.observeWarm(vpn, 1);
  }
}
