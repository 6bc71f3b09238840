import {
  ALL_ACCESSES,
  KernelPanic,
  VPN_LIMIT,
  formatAddress,
  statusName,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import { checkCoherence } from "@aspace/machine";
import type { Program } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import { WINDOW_PAGES } from "./window.ts";
import { KERNEL_ALONE, type World } from "./world.ts";

/**
 * What must hold after every operation, whatever it was. The reference has already predicted the
 * status; here query, cold walk and warm caches are compared with it, and the books are checked.
 */

/** Pages of a range that are looked at one by one; of longer ranges, the edges and a few between. */
const FULLY_CHECKED_PAGES = 12;

/** Leaves of an aspace that a whole-world check looks at. */
const CHECKED_LEAVES = 64;

/** After an operation: the pages it could have changed, caches, table count. */
export function checkStep(world: World, outcome: Outcome, serial: number): void {
  checkCoherence(world.machine);
  checkTableCount(world);
  if (outcome.slot < 0) return;
  const resident = world.residents[outcome.slot] ?? null;
  if (resident === null) return;
  for (const vpn of pagesToCheck(outcome.vpn, outcome.count)) {
    if (vpn < 0 || vpn >= VPN_LIMIT) continue;
    checkPage(world, resident, vpn, serial);
  }
}

/** Query and cold walk of a page; of the nine kinds of access, which one depends on `turn`. */
function checkPage(world: World, resident: Resident, vpn: Vpn, turn: number): void {
  resident.observer.query(vpn);
  const access = ALL_ACCESSES[(turn + vpn) % ALL_ACCESSES.length]!;
  resident.observer.walkOnce(world.watch(resident), vpn, access);
}

/** Pages around both edges of a range, and all or some of those inside. */
export function* pagesToCheck(vpn: Vpn, count: number): Generator<Vpn> {
  yield vpn - 1;
  if (count <= FULLY_CHECKED_PAGES) {
    for (let i = 0; i < count; i++) yield vpn + i;
  } else {
    yield vpn;
    yield vpn + 1;
    for (let part = 1; part < 4; part++) yield vpn + Math.floor((count * part) / 4);
    yield vpn + count - 2;
    yield vpn + count - 1;
  }
  yield vpn + count;
}

/** Every table frame is some aspace's (P-R1): nothing leaked, nothing freed too early. */
function checkTableCount(world: World): void {
  let tables = 0;
  let kernelSeen = false;
  for (const resident of world.residents) {
    if (resident === null) continue;
    tables += resident.aspace.tablePages();
    if (resident.aspace === world.system.kernel) kernelSeen = true;
  }
  if (!kernelSeen) tables += world.system.kernel.tablePages();
  const { live } = world.machine.tables;
  if (tables !== live) {
    throw new KernelPanic("P-R1", `${live} table frames are in use, aspaces have ${tables}`);
  }
}

/** The whole world: structure of every tree, every window page, and every leaf's edges. */
export function checkWorld(world: World, program: Program): void {
  for (const resident of world.residents) {
    if (resident === null) continue;
    resident.aspace.validate();
    checkWindows(world, resident, program);
    checkLeaves(world, resident);
  }
}

/**
 * Sends the program's CPUs through every aspace. What a CPU cached under the tag of an aspace that it
 * left cannot hurt while it is away, so it is judged when the CPU comes back (P-T6, P-T7).
 */
export function checkReturns(world: World, program: Program): void {
  for (const resident of world.residents) {
    if (resident === null) continue;
    for (let cpu = 0; cpu < program.cpus; cpu++) world.move(cpu, resident.slot);
    checkCoherence(world.machine);
  }
  for (let cpu = 0; cpu < program.cpus; cpu++) world.move(cpu, KERNEL_ALONE);
  checkCoherence(world.machine);
}

/** Both edges of every leaf; of thousands (a split 1 GiB leaf), an even sample. */
function checkLeaves(world: World, resident: Resident): void {
  const stride = Math.ceil(resident.reference.size / CHECKED_LEAVES);
  let index = 0;
  for (const leaf of resident.reference.leaves()) {
    if (index++ % stride !== 0) continue;
    checkPage(world, resident, leaf.vpn, 0);
    if (leaf.pages > 1) checkPage(world, resident, leaf.vpn + leaf.pages - 1, 0);
  }
}

/** Holes too: a mapping nobody asked for is as wrong as a missing one. */
function checkWindows(world: World, resident: Resident, program: Program): void {
  const pages = new Set<number>();
  for (const operation of program.operations) {
    if ("page" in operation && operation.aspace === resident.slot) {
      pages.add(operation.page - (operation.page % WINDOW_PAGES));
    }
  }
  for (const first of pages) {
    for (let page = first; page < first + WINDOW_PAGES; page += 5) {
      const vpn = resident.aspace.baseVpn + page;
      if (page < resident.aspace.pageCount) checkPage(world, resident, vpn, 0);
    }
  }
}

/**
 * P-X1: two worlds that ran the same operation answer alike, except where a capability decides, or
 * where an earlier such difference has already made the aspaces differ.
 */
export function checkSameAnswers(worlds: readonly World[], outcomes: readonly Outcome[]): void {
  const first = outcomes[0]!;
  for (let other = 1; other < worlds.length; other++) {
    const outcome = outcomes[other]!;
    if (first.gated || outcome.gated || hasDiverged(worlds, first.slot)) continue;
    if (first.status === null || outcome.status === null) continue;
    if (reachesPastSomeAspace(worlds, first)) continue;
    if (first.status !== outcome.status) {
      throw new KernelPanic(
        "P-X1",
        `${worlds[0]!.architecture.name} answered ${statusName(first.status)}, ` +
          `${worlds[other]!.architecture.name} ${statusName(outcome.status)}`,
      );
    }
    checkSameQueries(worlds[0]!, worlds[other]!, first);
  }
}

/** Ranges near the top are legal on one architecture and out of range on another. */
function reachesPastSomeAspace(worlds: readonly World[], outcome: Outcome): boolean {
  if (outcome.slot < 0) return false;
  const reaches = worlds.some((world) => {
    const aspace = world.residents[outcome.slot]!.aspace;
    const first = outcome.vpn - worlds[0]!.residents[outcome.slot]!.aspace.baseVpn;
    return first + outcome.count > aspace.pageCount;
  });
  if (reaches) for (const world of worlds) world.residents[outcome.slot]!.diverged = true;
  return reaches;
}

const hasDiverged = (worlds: readonly World[], slot: number): boolean =>
  slot >= 0 && worlds.some((world) => world.residents[slot]?.diverged ?? true);

/** Pages that an aspace of any kind has on every backend: beyond, ranges differ by design. */
const SMALLEST_ASPACE = 2 ** 24;

const ONE: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
const TWO: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };

/** Flags are compared as far as both architectures can express them. */
function checkSameQueries(one: World, two: World, outcome: Outcome): void {
  const here = one.residents[outcome.slot] ?? null;
  const there = two.residents[outcome.slot] ?? null;
  if (here === null || there === null) return;
  const shift = there.aspace.baseVpn - here.aspace.baseVpn;
  for (const vpn of pagesToCheck(outcome.vpn, outcome.count)) {
    const isInside = vpn >= here.aspace.baseVpn && vpn - here.aspace.baseVpn < SMALLEST_ASPACE;
    if (!isInside) continue;
    const status = here.aspace.query(vpn, ONE);
    if (status !== there.aspace.query(vpn + shift, TWO)) {
      throw new KernelPanic("P-X1", `queries of ${formatAddress(vpn)} disagree about its presence`);
    }
    if (status !== 0) continue;
    const flags = there.aspace.capabilities.normalizeFlags(ONE.flags);
    const sameFlags = flags === here.aspace.capabilities.normalizeFlags(TWO.flags);
    if (ONE.pfn !== TWO.pfn || ONE.leafShift !== TWO.leafShift || !sameFlags) {
      throw new KernelPanic("P-X1", `queries of ${formatAddress(vpn)} disagree`);
    }
  }
}
