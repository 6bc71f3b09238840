import {
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  FaultFlags,
  KernelPanic,
  MmuFlags,
  NonTerminalAction,
  Status,
  TerminalAction,
  formatAddress,
  isFetchAccess,
  isWriteAccess,
  statusName,
  type Access,
  type MmuFlagSet,
  type Pfn,
  type Vpn,
} from "@aspace/arch";
import { permits, type Leaf } from "@aspace/arch-conformance";
import { CpuMode } from "@aspace/machine";
import { beginHarvest, checkHarvest } from "./harvest-oracle.ts";
import { MEMORY_FIRST, isMemory } from "./frames.ts";
import { FramePattern, Misuse, type Operation } from "./operation.ts";
import type { SituationCounts } from "./situations.ts";
import type { Resident, World } from "./world.ts";

/**
 * Runs single operations of a program on one world: the backend's answer, the reference's answer,
 * and the comparison of the two. What it finds wrong it throws as a `KernelPanic` with the rule.
 */

/** What an operation did, for the trace and for the comparison between architectures. */
export interface Outcome {
  /** `null`: the operation named nothing that is alive. */
  status: Status | null;
  /** The slot whose pages it may have changed, and the pages; -1 for none. */
  slot: number;
  vpn: Vpn;
  count: number;
  /** The status is allowed to differ between architectures. */
  gated: boolean;
}

/** Offset in a page of the word that stores write and loads read. */
const WORD_OFFSET = 16;

/** Runs operations on one world. */
export class Executor {
  readonly world: World;
  readonly outcome: Outcome = { status: null, slot: -1, vpn: 0, count: 0, gated: false };
  readonly #situations: SituationCounts;
  /** Set by `interlude` for the operation after it. */
  #interlude: Extract<Operation, { kind: "interlude" }> | null = null;
  /** Set by `failAllocation` 0: every allocation of the operation after it fails. */
  #failsAll = false;
  #kinds: readonly AspaceKind[] = [];
  readonly #pfns: number[] = [];

  constructor(world: World, situations: SituationCounts) {
    this.world = world;
    this.#situations = situations;
  }

  /** Forgets what an earlier program left to come; `kinds` are those of the program's slots. */
  reset(kinds: readonly AspaceKind[]): void {
    this.#interlude = null;
    this.#failsAll = false;
    this.#kinds = kinds;
  }

  /** Runs operation `index` of a program and fills `outcome`. */
  run(operation: Operation, index: number): void {
    const { outcome, world } = this;
    outcome.status = null;
    outcome.slot = -1;
    outcome.count = 0;
    outcome.gated = false;
    const armed = this.#interlude;
    this.#interlude = null;
    if (armed !== null) this.#arm(armed, operation);
    const failAll = world.machine.tables.failures.isPending() && this.#failsAll;
    this.#dispatch(operation, index);
    world.machine.bus.interlude = null;
    if (failAll) {
      world.machine.tables.failures.failNever();
      this.#failsAll = false;
    }
  }

  #dispatch(operation: Operation, index: number): void {
    const { world } = this;
    if (operation.kind === "failAllocation") {
      this.#failsAll = operation.nth === 0;
      if (this.#failsAll) world.machine.tables.failures.failAlways();
      else world.machine.tables.failures.failAt(operation.nth);
      this.outcome.status = Status.OK;
      return;
    }
    if (operation.kind === "interlude") {
      this.#interlude = operation;
      this.outcome.status = Status.OK;
      return;
    }
    if (operation.kind === "switch") {
      const alive = operation.aspace < 0 || world.residents[operation.aspace] !== null;
      if (!alive) return;
      world.move(operation.cpu, operation.aspace);
      this.outcome.status = Status.OK;
      return;
    }
    if (operation.kind === "recreate") {
      this.#recreate(operation.aspace);
      return;
    }
    const resident = world.residents[operation.aspace] ?? null;
    if (resident === null) return;
    if ("count" in operation) this.#edit(resident, operation);
    else if (operation.kind === "accessedSinceLastCheck")
      this.#checkActive(resident, operation.check);
    else if (operation.kind === "prefetch") {
      world.reach(operation.cpu, resident);
      world.machine.cpus[operation.cpu]!.prefetch(vpnOf(resident, operation.page));
      this.outcome.status = Status.OK;
    } else this.#access(resident, operation, index);
  }

  /** Operations on a range: run, compare statuses, note what may have changed. */
  #edit(resident: Resident, operation: Extract<Operation, { count: number }>): void {
    const { outcome, world } = this;
    outcome.slot = resident.slot;
    outcome.vpn = vpnOf(resident, operation.page);
    outcome.count = operation.count;
    const refusals = world.refusals;
    const status = this.#call(resident, operation);
    outcome.status = status;
    if (world.refusals !== refusals) resident.diverged = true;
  }

  #call(resident: Resident, operation: Extract<Operation, { count: number }>): Status {
    switch (operation.kind) {
      case "map":
        return this.#map(resident, operation);
      case "mapContiguous":
        return this.#mapContiguous(resident, operation);
      case "unmap":
        return this.#unmap(resident, operation);
      case "protect":
        return this.#protect(resident, operation);
      case "harvest":
        return this.#harvest(resident, operation);
      case "markAccessed":
        return this.#markAccessed(resident, operation);
      case "misuse":
        return this.#misuse(resident, operation);
    }
  }

  /** Runs `call` and answers its status with whether memory ran out in it. */
  #refused(before: number, resident: Resident): { isMapped(vpn: Vpn): boolean } | null {
    return this.world.refusals === before ? null : { isMapped: (vpn) => isMapped(resident, vpn) };
  }

  #map(resident: Resident, operation: Extract<Operation, { kind: "map" }>): Status {
    const { aspace, reference } = resident;
    const { count, flags, action } = operation;
    const vpn = vpnOf(resident, operation.page);
    const pfns = this.#frames(operation.pfn, count, operation.pattern);
    const before = this.world.refusals;
    const hadLarge = this.#noteMapSituations(resident, vpn, pfns, count, action);
    const status = aspace.map(vpn, pfns, count, flags, action);
    const expected = reference.map(
      vpn,
      pfns,
      count,
      flags,
      action,
      this.#refused(before, resident),
    );
    expectStatus("P-M1", "map", expected, status);
    if (status === Status.NO_MEMORY) this.#situations.note("a map ran out of memory");
    if (status !== Status.OK) return status;
    if (hadLarge) this.#situations.note("an upgrade split a large leaf");
    forgetTouches(resident, vpn, count);
    return status;
  }

  #noteMapSituations(
    resident: Resident,
    vpn: Vpn,
    pfns: readonly Pfn[],
    count: number,
    action: ExistingEntry,
  ): boolean {
    const leaves = resident.reference.leavesIn(vpn, count);
    if (leaves.length > 0) this.#situations.note("a map met a mapped page");
    if (action !== ExistingEntry.UPGRADE) return false;
    const replaces = leaves.some((leaf) => leaf.pages === 1 && leaf.pfn !== pfns[leaf.vpn - vpn]);
    if (replaces) this.#situations.note("an upgrade replaced a frame");
    return leaves.some((leaf) => leaf.pages > 1);
  }

  #mapContiguous(
    resident: Resident,
    operation: Extract<Operation, { kind: "mapContiguous" }>,
  ): Status {
    const { aspace, reference } = resident;
    const { count, flags, pfn } = operation;
    const vpn = vpnOf(resident, operation.page);
    const before = this.world.refusals;
    const status = aspace.mapContiguous(vpn, pfn, count, flags);
    const expected = reference.mapContiguous(
      vpn,
      pfn,
      count,
      flags,
      this.#refused(before, resident),
    );
    expectStatus("P-B5", "mapContiguous", expected, status);
    if (status !== Status.OK) return status;
    forgetTouches(resident, vpn, count);
    const largest = Math.max(
      0,
      ...reference
        .leavesIn(vpn, count)
        .slice(0, 600)
        .map((leaf) => leaf.pages),
    );
    if (largest >= 2 ** 18) this.#situations.note("a 1 GiB leaf was mapped");
    else if (largest > 1) this.#situations.note("a 2 MiB leaf was mapped");
    return status;
  }

  #unmap(resident: Resident, operation: Extract<Operation, { kind: "unmap" }>): Status {
    const { aspace, reference } = resident;
    const vpn = vpnOf(resident, operation.page);
    const { count, enlarge } = operation;
    const cut = cutLeaf(resident, vpn, count);
    const before = this.world.refusals;
    const status = aspace.unmap(vpn, count, enlarge);
    const refusal = this.#refused(before, resident);
    expectStatus("P-U1", "unmap", reference.unmap(vpn, count, enlarge, refusal), status);
    this.#noteSplit(resident, cut, status, "an unmap split a large leaf");
    if (refusal !== null && status === Status.OK && cut !== null) {
      this.#situations.note("an unmap lost pages outside its range");
    }
    if (status === Status.OK) {
      forgetTouches(resident, vpn, count);
      forgetTables(resident, vpn, count);
    }
    return status;
  }

  /** Notes what became of a split, and that its status depends on the architecture. */
  #noteSplit(
    resident: Resident,
    cut: Readonly<Leaf> | null,
    status: Status,
    done: "an unmap split a large leaf" | "a protect split a large leaf",
  ): void {
    if (cut === null) return;
    if (status === Status.NOT_SUPPORTED) {
      this.#situations.note("a split was refused for break-before-make");
    } else if (status === Status.NO_MEMORY) this.#situations.note("a split ran out of memory");
    else this.#situations.note(done);
    this.outcome.gated = true;
    resident.diverged = true;
  }

  /** Protects each stretch of one cache policy; the first status that is not OK ends it. */
  #protect(resident: Resident, operation: Extract<Operation, { kind: "protect" }>): Status {
    const vpn = vpnOf(resident, operation.page);
    const { count, enlarge } = operation;
    if (resident.aspace.capabilities.protectIsUnmap || resident.kind === AspaceKind.GUEST) {
      this.outcome.gated = true;
      resident.diverged = true;
    }
    for (const stretch of stretchesOfOnePolicy(resident, vpn, count)) {
      const flags = operation.permissions | stretch.policy;
      const status = this.#protectStretch(resident, stretch.vpn, stretch.count, flags, enlarge);
      if (status !== Status.OK) return status;
    }
    return Status.OK;
  }

  #protectStretch(
    resident: Resident,
    vpn: Vpn,
    count: number,
    flags: MmuFlagSet,
    enlarge: Enlarge,
  ): Status {
    const { aspace, reference } = resident;
    const cut = cutLeaf(resident, vpn, count);
    const removes = reference
      .leavesIn(vpn, count)
      .some((leaf) => (leaf.flags & ~flags & MmuFlags.RWX_MASK) !== 0);
    const before = this.world.refusals;
    const status = aspace.protect(vpn, count, flags, enlarge);
    const refusal = this.#refused(before, resident);
    expectStatus("P-P1", "protect", reference.protect(vpn, count, flags, enlarge, refusal), status);
    this.#noteSplit(resident, cut, status, "a protect split a large leaf");
    if (status !== Status.OK) return status;
    if (removes) this.#situations.note("a protect removed a permission");
    forgetTouches(resident, vpn, count);
    if (aspace.capabilities.protectIsUnmap) forgetTables(resident, vpn, count);
    return status;
  }

  #harvest(resident: Resident, operation: Extract<Operation, { kind: "harvest" }>): Status {
    const { aspace, reference, touched, touchedTables } = resident;
    const vpn = vpnOf(resident, operation.page);
    const { count, nonTerminal, terminal } = operation;
    const expectation = beginHarvest(this.world, resident, vpn, count);
    const status = aspace.harvestAccessed(vpn, count, nonTerminal, terminal);
    const leavesBefore = reference.size;
    const expected = reference.harvestAccessed(vpn, count, nonTerminal, (page) =>
      isMapped(resident, page),
    );
    expectStatus("P-H1", "harvestAccessed", expected, status);
    if (nonTerminal === NonTerminalAction.FREE_UNACCESSED) this.outcome.gated = true;
    if (status !== Status.OK) return status;
    checkHarvest(this.world, resident, expectation, this.#situations);
    if (nonTerminal === NonTerminalAction.FREE_UNACCESSED) {
      resident.diverged = true;
      if (reference.size < leavesBefore) this.#situations.note("FreeUnaccessed dropped mappings");
      touched.clear();
      touchedTables.clear();
    } else if (terminal === TerminalAction.UPDATE_AGE_AND_HARVEST) {
      forgetTouches(resident, vpn, count);
    }
    return status;
  }

  #markAccessed(
    resident: Resident,
    operation: Extract<Operation, { kind: "markAccessed" }>,
  ): Status {
    const vpn = vpnOf(resident, operation.page);
    const status = resident.aspace.markAccessed(vpn, operation.count);
    this.outcome.gated = true;
    expectStatus(
      "P-H8",
      "markAccessed",
      resident.reference.markAccessed(vpn, operation.count),
      status,
    );
    return status;
  }

  /** A call with one wrong argument: the documented status, and no allocation, no invalidation. */
  #misuse(resident: Resident, operation: Extract<Operation, { kind: "misuse" }>): Status {
    const { aspace } = resident;
    const { log } = this.world.machine;
    const { baseVpn, pageCount, capabilities } = aspace;
    const plain = MmuFlags.READ | MmuFlags.WRITE;
    const frameLimit = 2 ** (capabilities.physBits - 12);
    const allocated = log.tablesAllocated;
    const invalidated = log.invalidations;
    const pfns = this.#frames(MEMORY_FIRST, 3, FramePattern.CONSECUTIVE);
    const map = (vpn: Vpn, flags: MmuFlagSet): Status =>
      aspace.map(vpn, pfns, 3, flags, ExistingEntry.UPGRADE);
    const vpn = vpnOf(resident, Math.min(operation.page, pageCount - 3));
    const wrong: Record<Misuse, () => Status> = {
      [Misuse.NO_READ]: () => map(vpn, MmuFlags.WRITE),
      [Misuse.INVALID_FLAG]: () => map(vpn, plain | MmuFlags.INVALID),
      [Misuse.UNKNOWN_FLAG]: () => aspace.mapContiguous(vpn, MEMORY_FIRST, 1, plain | 0x100),
      [Misuse.BELOW_BASE]: () => aspace.unmap(baseVpn - 1, 3, Enlarge.YES),
      [Misuse.ACROSS_END]: () => map(baseVpn + pageCount - 2, plain),
      [Misuse.WRAPPED]: () => aspace.protect(vpn, 2 ** 40, plain, Enlarge.YES),
      [Misuse.BAD_FRAME]: () => aspace.mapContiguous(vpn, frameLimit - 1, 2, plain),
      [Misuse.LAST_BAD_FRAME]: () => ((pfns[2] = frameLimit), map(vpn, plain)),
    };
    const status = wrong[operation.misuse]();
    const range = RANGE_MISUSES.has(operation.misuse);
    expectStatus(
      "P-M3",
      `a call with ${operation.misuse}`,
      range ? Status.OUT_OF_RANGE : Status.INVALID_ARGS,
      status,
    );
    if (log.tablesAllocated !== allocated || log.invalidations !== invalidated) {
      throw new KernelPanic("P-M3", `a call with ${operation.misuse} allocated or invalidated`);
    }
    return status;
  }

  #checkActive(resident: Resident, check: AccessedCheck): void {
    // The watcher is always active in the aspace, so the answer must always be yes.
    if (!resident.aspace.accessedSinceLastCheck(check) && resident.kind !== AspaceKind.KERNEL) {
      throw new KernelPanic("P-H6", "an aspace that a CPU is in was not accessed");
    }
    this.outcome.status = Status.OK;
  }

  /** One load, store or fetch, with the kernel's answer to access faults. */
  #access(
    resident: Resident,
    operation: Extract<Operation, { kind: "access" }>,
    index: number,
  ): void {
    const { world, outcome } = this;
    const vpn = vpnOf(resident, operation.page);
    const cpu = world.machine.cpus[operation.cpu]!;
    world.reach(operation.cpu, resident);
    const leaf = resident.reference.lookup(vpn);
    resident.observer.access(cpu, vpn, operation.access);
    outcome.slot = resident.slot;
    outcome.vpn = vpn;
    outcome.count = 1;
    const allowed =
      leaf !== null && permits(leaf.flags, resident.aspace.capabilities, operation.access);
    outcome.status = allowed ? Status.OK : Status.NOT_FOUND;
    if (!allowed) {
      if (leaf !== null) this.#situations.note("an access was denied");
      return;
    }
    this.#moveWord(operation.cpu, vpn, operation.access, leaf.pfn + (vpn - leaf.vpn), index);
    if (leaf.pages === 1) resident.touched.add(vpn);
    resident.touchedTables.add(Math.floor(vpn / 512));
  }

  /** The word behind an allowed access: stores name their writer (F-9), reads see the last store. */
  #moveWord(cpuId: number, vpn: Vpn, access: Access, pfn: Pfn, index: number): void {
    const { machine, contents } = this.world;
    const cpu = machine.cpus[cpuId]!;
    const mode = (access - (access % 3)) as CpuMode;
    if (isWriteAccess(access)) {
      const value = (index << 16) | (vpn & 0xffff);
      const fault = cpu.store(mode, vpn, WORD_OFFSET, value);
      if (fault !== 0) throw new KernelPanic("P-T1", "a store faulted right after its translation");
      if (!isMemory(pfn)) return;
      if (contents[pfn - MEMORY_FIRST] !== 0) {
        this.#situations.note("a page was written through two CPUs");
      }
      contents[pfn - MEMORY_FIRST] = value;
      return;
    }
    const fault = isFetchAccess(access)
      ? cpu.fetch(mode, vpn, WORD_OFFSET)
      : cpu.load(mode, vpn, WORD_OFFSET);
    if (fault !== 0) throw new KernelPanic("P-T1", "a load faulted right after its translation");
    const expected = isMemory(pfn) ? contents[pfn - MEMORY_FIRST]! : 0;
    if (cpu.value !== expected) {
      const seen = `0x${(cpu.value >>> 0).toString(16)}`;
      const wanted = `0x${(expected >>> 0).toString(16)}`;
      throw new KernelPanic(
        "P-M8",
        `${formatAddress(vpn)} reads ${seen}, last store was ${wanted}`,
      );
    }
  }

  /** Empties an aspace; destroys and remakes it unless it is the kernel's. */
  #recreate(slot: number): void {
    const { world, outcome } = this;
    const resident = world.residents[slot] ?? null;
    if (resident !== null) {
      this.empty(resident);
      if (resident.kind === AspaceKind.KERNEL) {
        outcome.status = Status.OK;
        return;
      }
      const kind = resident.kind;
      world.destroy(resident);
      this.#remake(slot, kind);
      return;
    }
    this.#remake(slot, this.#kinds[slot]!);
  }

  #remake(slot: number, kind: AspaceKind): void {
    const before = this.world.refusals;
    const status = this.world.create(slot, kind);
    this.outcome.status = status;
    this.outcome.gated = true;
    if (status === Status.OK) {
      this.#situations.note("an aspace was destroyed and made again");
      return;
    }
    this.#situations.note("an init ran out of memory");
    if (status !== Status.NO_MEMORY || this.world.refusals === before) {
      throw new KernelPanic("P-L6", `init answered ${statusName(status)}`);
    }
  }

  /** Unmaps everything in an aspace; only root and prebuilt tables may be left (P-U5). */
  empty(resident: Resident): void {
    const { aspace, reference } = resident;
    const { baseVpn, pageCount, capabilities } = aspace;
    const status = aspace.unmap(baseVpn, pageCount, Enlarge.YES);
    reference.unmap(baseVpn, pageCount, Enlarge.YES, null);
    expectStatus("P-U3", "unmap of everything", Status.OK, status);
    const left = aspace.tablePages();
    if (left !== 1 + capabilities.prebuiltTables) {
      throw new KernelPanic("P-U5", `${left} tables are left in an empty aspace`);
    }
    resident.touched.clear();
    resident.touchedTables.clear();
  }

  /** Lets a CPU touch a page whenever the coming operation gives other CPUs a turn. */
  #arm(interlude: Extract<Operation, { kind: "interlude" }>, next: Operation): void {
    const { world } = this;
    const resident = world.residents[interlude.aspace] ?? null;
    if (resident === null) return;
    world.reach(interlude.cpu, resident);
    const cpu = world.machine.cpus[interlude.cpu]!;
    const vpn = vpnOf(resident, interlude.page);
    const bystander = this.#isBystander(resident, vpn, interlude.access, next);
    world.machine.bus.interlude = () => {
      this.#situations.note("another CPU ran in the middle of an edit");
      const fault = cpu.access(vpn, interlude.access);
      if (fault === 0 || !bystander) return;
      if ((world.architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0) return;
      throw new KernelPanic(
        "P-B6",
        `CPU ${cpu.id} lost ${formatAddress(vpn)}, outside the range of the running ${next.kind}: ` +
          world.architecture.describeFault(fault),
      );
    };
  }

  /**
   * Whether a page must stay usable while `next` runs: mapped, allowed, outside the range, and the
   * operation has no leave to enlarge itself.
   */
  #isBystander(resident: Resident, vpn: Vpn, access: Access, next: Operation): boolean {
    const leaf = resident.reference.lookup(vpn);
    if (leaf === null || !permits(leaf.flags, resident.aspace.capabilities, access)) return false;
    if (!("count" in next) || next.aspace !== resident.slot) return false;
    if (next.kind !== "unmap" && next.kind !== "protect") return false;
    if (next.enlarge !== Enlarge.NO || resident.aspace.capabilities.protectIsUnmap) return false;
    const from = vpnOf(resident, next.page);
    if (vpn >= from && vpn < from + next.count) return false;
    if (leaf.pages > 1) this.#situations.note("a neighbour of a splitting leaf was touched");
    return true;
  }

  #frames(pfn: Pfn, count: number, pattern: FramePattern): number[] {
    const step = pattern === FramePattern.SAME ? 0 : 1;
    const pfns = this.#pfns;
    pfns.length = 0;
    for (let i = 0; i < count; i++) pfns.push(pfn + i * step);
    return pfns;
  }
}

const RANGE_MISUSES: ReadonlySet<Misuse> = new Set([
  Misuse.BELOW_BASE,
  Misuse.ACROSS_END,
  Misuse.WRAPPED,
]);

export const vpnOf = (resident: Resident, page: number): Vpn => resident.aspace.baseVpn + page;

const QUERY = { pfn: 0, flags: 0, leafShift: 0 };

function isMapped(resident: Resident, vpn: Vpn): boolean {
  return resident.aspace.query(vpn, QUERY) === Status.OK;
}

function expectStatus(rule: string, what: string, expected: Status, seen: Status): void {
  if (expected === seen) return;
  throw new KernelPanic(
    rule,
    `${what} answered ${statusName(seen)}, expected ${statusName(expected)}`,
  );
}

/** The large leaf that an edge of the range cuts, or null. */
function cutLeaf(resident: Resident, vpn: Vpn, count: number): Readonly<Leaf> | null {
  for (const edge of [vpn, vpn + count]) {
    const leaf = resident.reference.lookup(edge);
    if (leaf !== null && leaf.vpn < edge) return leaf;
  }
  return null;
}

function forgetTouches(resident: Resident, vpn: Vpn, count: number): void {
  for (const page of resident.touched) {
    if (page >= vpn && page < vpn + count) resident.touched.delete(page);
  }
}

/** Tables that lost their last page are gone: having been touched says nothing about their successors. */
function forgetTables(resident: Resident, vpn: Vpn, count: number): void {
  const first = Math.floor(vpn / 512);
  const last = Math.floor((vpn + count - 1) / 512);
  for (const table of resident.touchedTables) {
    if (table < first || table > last) continue;
    if (resident.reference.leavesIn(table * 512, 512).length === 0) {
      resident.touchedTables.delete(table);
    }
  }
}

/** The range cut where the cache policy of mapped pages changes. */
function stretchesOfOnePolicy(
  resident: Resident,
  vpn: Vpn,
  count: number,
): { vpn: Vpn; count: number; policy: MmuFlagSet }[] {
  const mask = MmuFlags.CACHE_MASK | MmuFlags.NS;
  const { baseVpn, pageCount } = resident.aspace;
  const inside = vpn >= baseVpn && vpn + count <= baseVpn + pageCount;
  const stretches: { vpn: Vpn; count: number; policy: MmuFlagSet }[] = [];
  let from = vpn;
  let policy: MmuFlagSet | null = null;
  for (const leaf of inside ? resident.reference.leavesIn(vpn, count) : []) {
    const own = leaf.flags & mask;
    if (policy !== null && policy !== own) {
      stretches.push({ vpn: from, count: leaf.vpn - from, policy });
      from = leaf.vpn;
    }
    policy = own;
  }
  stretches.push({ vpn: from, count: vpn + count - from, policy: policy ?? MmuFlags.CACHED });
  return stretches;
}
