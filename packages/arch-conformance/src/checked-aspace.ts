import {
  type ArchVmAspace,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  type MmuFlagSet,
  NonTerminalAction,
  type Pfn,
  Status,
  type TerminalAction,
  type Vpn,
  formatAddress,
  formatFlags,
  statusName,
} from "@aspace/arch";
import { checkCoherence } from "@aspace/machine";
import { PropertyFailure, checkEqual } from "./check.ts";
import { Observer } from "./observe.ts";
import { ReferenceAspace, type Refusal } from "./reference.ts";
import type { World } from "./world.ts";

/** Ranges up to this many pages are observed page by page, longer ones at their edges and in samples. */
const OBSERVED_WHOLE = 70;
const SAMPLES = 16;

/**
 * An aspace and its reference, edited together. Every operation is done on both, its status is
 * compared, and then everything that must hold after any operation is checked:
 *
 * - a failed operation has changed no table (P-M6, P-U4, P-P5);
 * - Q and W agree with the reference in range and one page to either side (P-M1, P-U1, P-P1);
 * - no usable cached translation says more than the tables (P-T1, P-T3, P-T4, P-T8);
 * - the tables are those that the leaves need, and no other frame is one (P-R1, P-U5).
 */
export class CheckedAspace {
  readonly world: World;
  readonly aspace: ArchVmAspace;
  readonly reference: ReferenceAspace;
  readonly observer: Observer;
  /** `tablePages` of the empty aspace. */
  readonly emptyTables: number;
  /** Off while operations that were judged before are only repeated to get somewhere. */
  isJudging = true;
  /** Levels of tables below those that always exist; 0 while nothing was mapped yet. */
  #levels = 0;

  constructor(world: World, aspace: ArchVmAspace, kind: AspaceKind) {
    const { architecture } = world.options;
    this.world = world;
    this.aspace = aspace;
    this.reference = new ReferenceAspace(kind, architecture.aspaces[kind]);
    this.observer = new Observer(architecture, aspace, this.reference);
    this.emptyTables = aspace.tablePages();
  }

  map(
    vpn: Vpn,
    pfns: readonly Pfn[],
    flags: MmuFlagSet,
    action: ExistingEntry = ExistingEntry.ERROR,
  ): Status {
    const { aspace, reference } = this;
    const count = pfns.length;
    return this.#perform({
      text: `map ${range(vpn, count)} to ${frames(pfns)} ${formatFlags(flags)} ${action}`,
      vpn,
      count,
      run: () => aspace.map(vpn, pfns, count, flags, action),
      expect: (refusal) => reference.map(vpn, pfns, count, flags, action, refusal),
    });
  }

  mapContiguous(vpn: Vpn, pfn: Pfn, count: number, flags: MmuFlagSet): Status {
    const { aspace, reference } = this;
    return this.#perform({
      text: `mapContiguous ${range(vpn, count)} to ${formatAddress(pfn)} ${formatFlags(flags)}`,
      vpn,
      count,
      run: () => aspace.mapContiguous(vpn, pfn, count, flags),
      expect: (refusal) => reference.mapContiguous(vpn, pfn, count, flags, refusal),
    });
  }

  unmap(vpn: Vpn, count: number, enlarge: Enlarge = this.world.usualEnlarge): Status {
    const { aspace, reference } = this;
    return this.#perform({
      text: `unmap ${range(vpn, count)} enlarge=${enlarge}`,
      vpn,
      count,
      run: () => aspace.unmap(vpn, count, enlarge),
      expect: (refusal) => reference.unmap(vpn, count, enlarge, refusal),
    });
  }

  protect(
    vpn: Vpn,
    count: number,
    flags: MmuFlagSet,
    enlarge: Enlarge = this.world.usualEnlarge,
  ): Status {
    const { aspace, reference } = this;
    return this.#perform({
      text: `protect ${range(vpn, count)} ${formatFlags(flags)} enlarge=${enlarge}`,
      vpn,
      count,
      run: () => aspace.protect(vpn, count, flags, enlarge),
      expect: (refusal) => reference.protect(vpn, count, flags, enlarge, refusal),
    });
  }

  harvest(
    vpn: Vpn,
    count: number,
    nonTerminal: NonTerminalAction,
    terminal: TerminalAction,
  ): Status {
    const { aspace, reference } = this;
    return this.#perform({
      text: `harvestAccessed ${range(vpn, count)} ${nonTerminal} ${terminal}`,
      vpn,
      count,
      run: () => aspace.harvestAccessed(vpn, count, nonTerminal, terminal),
      expect: () =>
        reference.harvestAccessed(vpn, count, nonTerminal, (page) => this.isMapped(page)),
    });
  }

  markAccessed(vpn: Vpn, count: number): Status {
    const { aspace, reference } = this;
    return this.#perform({
      text: `markAccessed ${range(vpn, count)}`,
      vpn,
      count,
      run: () => aspace.markAccessed(vpn, count),
      expect: () => reference.markAccessed(vpn, count),
    });
  }

  /** Removes everything. */
  clear(): void {
    const { baseVpn, pageCount } = this.reference.profile;
    this.unmap(baseVpn, pageCount);
  }

  /** What `query` says about a page, without judging it. */
  isMapped(vpn: Vpn): boolean {
    return this.aspace.query(vpn, { pfn: 0, flags: 0, leafShift: 0 }) === Status.OK;
  }

  /** Q and W of a range and one page to either side. */
  observe(vpn: Vpn, count: number): void {
    const seers = this.world.seersOf(this);
    // A cold walk depends on the root alone: one for all CPUs, except that the kernel has many roots.
    const judges = this.reference.kind === AspaceKind.KERNEL ? seers : seers.slice(0, 1);
    const mmus = judges.map((cpu) => cpu.mmu);
    for (const page of this.#pagesToObserve(vpn, count)) {
      this.observer.query(page);
      for (const mmu of mmus) this.observer.walk(mmu, page);
    }
  }

  /** C of a range, on every CPU that sees the aspace, for every kind of access. */
  observeWarm(vpn: Vpn, count: number): void {
    const cpus = this.world.seersOf(this);
    for (const page of this.#pagesToObserve(vpn, count)) {
      for (const cpu of cpus) this.observer.accessAll(cpu, page);
    }
  }

  /** What must hold between any two operations. */
  validate(): void {
    const { machine } = this.world;
    checkCoherence(machine);
    this.aspace.validate();
    this.#checkTableCount();
    const live = [...this.world.liveAspaces()].reduce(
      (sum, aspace) => sum + aspace.tablePages(),
      0,
    );
    checkEqual("P-R1: frames that are tables", live, machine.tables.live);
  }

  #perform(operation: Operation): Status {
    const { world } = this;
    const { meter } = world;
    const tablesBefore = this.isJudging ? world.tablesHash() : "";
    const refusalsBefore = meter.refusals;
    meter.renewBudget();
    world.note(operation.text);
    const status = operation.run();
    const refused = meter.refusals > refusalsBefore;
    world.note(`  ${statusName(status)}${refused ? " (an allocation was refused)" : ""}`);
    const refusal: Refusal = { isMapped: (vpn) => this.isMapped(vpn) };
    const expected = operation.expect(refused ? refusal : null);
    if (!this.isJudging) return status;
    checkEqual(operation.text, statusName(expected), statusName(status));
    if (status !== Status.OK && !world.hasInterlude() && tablesBefore !== world.tablesHash()) {
      throw new PropertyFailure(`${operation.text}: failed, but changed tables`, "P-M6");
    }
    if (status !== Status.OUT_OF_RANGE) this.observe(operation.vpn, operation.count);
    this.validate();
    return status;
  }

  /** The tables that the leaves need: at each level one for every span that has a leaf below it. */
  #checkTableCount(): void {
    const built = this.aspace.tablePages() - this.emptyTables;
    if (this.#levels === 0) this.#levels = this.#findLevels(built);
    if (this.#levels === 0 && this.reference.size > 0) return;
    const needed = this.#tablesNeeded(this.#levels);
    if (built !== needed) {
      const message = `${this.reference.size} leaves need ${needed} tables, there are ${built}`;
      throw new PropertyFailure(message, "P-R1");
    }
  }

  /**
   * How deep the tables are is a backend's affair. The first base page tells, because it needs a
   * table at every level; large leaves alone fit several depths.
   */
  #findLevels(built: number): number {
    if (![...this.reference.leaves()].some((leaf) => leaf.pages === 1)) return 0;
    for (let levels = 1; levels < MAX_LEVELS; levels++) {
      if (this.#tablesNeeded(levels) === built) return levels;
    }
    throw new PropertyFailure(`${built} tables fit no number of levels`, "P-R1");
  }

  #tablesNeeded(levels: number): number {
    const { tableSpan } = this.world;
    let tables = 0;
    for (let level = 0, span = tableSpan; level < levels; level++, span *= tableSpan) {
      const used = new Set<number>();
      for (const leaf of this.reference.leaves()) {
        if (leaf.pages < span) used.add(Math.floor(leaf.vpn / span));
      }
      tables += used.size;
    }
    return tables;
  }

  #pagesToObserve(vpn: Vpn, count: number): Iterable<Vpn> {
    if (count <= OBSERVED_WHOLE) return pagesFrom(vpn - 1, count + 2);
    const end = vpn + count;
    const pages = new Set<Vpn>();
    for (const page of [...pagesFrom(vpn - 1, 4), ...pagesFrom(end - 3, 4)]) pages.add(page);
    for (const size of this.world.leafSizes.slice(1)) {
      for (const edge of [Math.ceil(vpn / size) * size, Math.floor(end / size) * size]) {
        pages.add(edge - 1).add(edge);
      }
    }
    const stride = Math.floor(count / SAMPLES);
    for (let page = vpn; page < end; page += stride) pages.add(page);
    return pages;
  }
}

/** One operation, to be done on both. */
interface Operation {
  readonly text: string;
  readonly vpn: Vpn;
  readonly count: number;
  run(): Status;
  expect(refusal: Refusal | null): Status;
}

const MAX_LEVELS = 8;

function pagesFrom(vpn: Vpn, count: number): Vpn[] {
  return Array.from({ length: count }, (_, i) => vpn + i);
}

const range = (vpn: Vpn, count: number): string => `${formatAddress(vpn)} +${count}`;

function frames(pfns: readonly Pfn[]): string {
  const shown = pfns.slice(0, 4).map(formatAddress).join(" ");
  return pfns.length > 4 ? `[${shown} ...]` : `[${shown}]`;
}
