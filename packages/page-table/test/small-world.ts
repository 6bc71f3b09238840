/** One aspace over the small format on a small machine, with everything that watches it. */
import { AspaceKind, Status, type Pfn, type QueryResult, type Vpn } from "@aspace/arch";
import { PageTable } from "../src/page-table.ts";
import { engineQuirks } from "../src/quirks.ts";
import type { RootCopy } from "../src/table-tree.ts";
import { FlatModel, type Outcome } from "./flat-model.ts";
import { readTables, type Reading } from "./read-tables.ts";
import { IN_PLACE, SMALL_PAGES, smallFormat, type SmallVariant } from "./small-format.ts";
import { SmallMachine, SmallTag, type MachineEvent } from "./small-machine.ts";
import { StrictCaches } from "./strict-caches.ts";

export interface WorldOptions {
  readonly kind: AspaceKind;
  readonly variant: SmallVariant;
  readonly quirks: readonly string[];
  readonly rootCopy: RootCopy | null;
  readonly machine: SmallMachine;
}

/** Kernel pages are the last ones of a 64-bit address space. */
const KERNEL_BASE: Vpn = 2 ** 52 - SMALL_PAGES;
/** Pages at either end of the tables that lie outside the aspace; not a multiple of anything. */
const MARGIN = 21;

export class SmallWorld {
  readonly kind: AspaceKind;
  readonly variant: SmallVariant;
  readonly machine: SmallMachine;
  readonly tag: SmallTag;
  readonly aspace: PageTable;
  readonly model: FlatModel;
  /** First page of the tables: what index 0 of the root translates from. */
  readonly treeBase: Vpn;

  constructor(options: Partial<WorldOptions> = {}) {
    this.kind = options.kind ?? AspaceKind.USER;
    this.variant = options.variant ?? IN_PLACE;
    this.machine = options.machine ?? new SmallMachine();
    this.tag = new SmallTag(this.machine);
    this.treeBase = this.kind === AspaceKind.KERNEL ? KERNEL_BASE : 0;
    const isKernel = this.kind === AspaceKind.KERNEL;
    this.aspace = new PageTable({
      kind: this.kind,
      format: smallFormat(this.variant),
      baseVpn: this.treeBase + (isKernel ? 0 : MARGIN),
      pageCount: SMALL_PAGES - (isKernel ? 0 : 2 * MARGIN),
      hardware: this.machine,
      tag: this.tag,
      quirks: engineQuirks(new Set(options.quirks)),
      rootCopy: options.rootCopy ?? null,
    });
    this.model = new FlatModel(this.kind, this.variant, this.treeBase);
  }

  /** A world whose aspace is initialised and whose event log is empty. */
  static start(options: Partial<WorldOptions> = {}): SmallWorld {
    const world = new SmallWorld(options);
    const status = world.aspace.init();
    if (status !== Status.OK) throw new Error(`init answers ${status}`);
    world.machine.events = [];
    return world;
  }

  read(): Reading {
    return readTables(this.machine.memory, this.variant, this.aspace.rootPfn, this.treeBase);
  }

  query(vpn: Vpn): (QueryResult & { status: Status }) | { status: Status } {
    const out: QueryResult = { pfn: -1, flags: -1, leafShift: -1 };
    const status = this.aspace.query(vpn, out);
    return status === Status.OK ? { status, ...out } : { status };
  }

  /** Events since the last call. */
  takeEvents(): MachineEvent[] {
    const { events } = this.machine;
    this.machine.events = [];
    return events;
  }

  /** Runs something with an allocator that refuses after `frames` frames. */
  withFrames<T>(frames: number, run: () => T): T {
    this.machine.framesLeft = frames;
    try {
      return run();
    } finally {
      this.machine.framesLeft = Number.POSITIVE_INFINITY;
    }
  }

  /**
   * Runs one operation under observation: strict caches follow every barrier and invalidation,
   * `atEveryStep` sees the tables whenever other CPUs would. Answers the status and the events.
   */
  observe(
    operation: () => Status,
    atEveryStep: (reading: Reading) => void = () => {},
  ): { status: Status; events: MachineEvent[] } {
    const caches = new StrictCaches(
      this.variant.split === "break-before-make" ? "forbidden" : "allowed",
    );
    const needsAccessed = this.variant.marks === "software";
    const step = (): void => {
      const reading = this.readWhileEdited();
      caches.prefetch(reading, needsAccessed);
      atEveryStep(reading);
    };
    caches.prefetch(this.read(), needsAccessed);
    this.machine.onBarrier = step;
    this.machine.onFree = (pfn) => caches.checkFree(pfn);
    this.tag.onInvalidate = (event) => {
      caches.invalidate(event);
      step();
    };
    this.takeEvents();
    const status = operation();
    this.machine.onBarrier = () => {};
    this.machine.onFree = () => {};
    this.tag.onInvalidate = () => {};
    caches.checkCoherent(this.read());
    return { status, events: this.takeEvents() };
  }

  /** While an operation runs, tables on their way in or out may be empty. */
  readWhileEdited(): Reading {
    return readTables(
      this.machine.memory,
      this.variant,
      this.aspace.rootPfn,
      this.treeBase,
      "edited",
    );
  }

  /** Tables as the model wants them, nothing held back, and the engine's own recount. */
  check(): void {
    this.aspace.validate();
    const reading = this.read();
    this.#checkPages(reading);
    const tables = new Set(
      reading.tables.map(
        ({ level, base }) => `${level}:${(base - this.treeBase) / 8 ** (level + 1)}`,
      ),
    );
    expectEqual([...tables].toSorted(), [...this.model.tables()].toSorted(), "tables (P-R1)");
    const frames = new Set<Pfn>([this.aspace.rootPfn, ...reading.tables.map(({ pfn }) => pfn)]);
    expectEqual(this.aspace.tablePages(), frames.size, "tablePages (P-U5)");
    const held = [...this.machine.live].filter((pfn) => !frames.has(pfn));
    expectEqual(held, [], "frames allocated and not linked (P-R2)");
    if (this.variant.marks === "software") checkMarks(reading);
  }

  #checkPages(reading: Reading): void {
    const expected = this.model.pages;
    for (const [vpn, { pfn, flags, level }] of reading.pages) {
      const page = expected.get(vpn);
      const where = `page ${vpn} (P-M1)`;
      expectEqual({ pfn, flags, level }, page && { ...page }, where);
      expectEqual(
        this.query(vpn),
        { status: Status.OK, pfn, flags, leafShift: 12 + 3 * level },
        `query of ${where}`,
      );
    }
    for (const vpn of expected.keys()) {
      if (!reading.pages.has(vpn)) throw new Error(`page ${vpn} is lost (P-M1)`);
    }
  }

  /** Holds an operation against what the model says it answers, allocates and frees. */
  checkOutcome(status: Status, events: readonly MachineEvent[], outcome: Outcome): void {
    const count = (kind: MachineEvent["kind"]): number =>
      events.filter((event) => event.kind === kind).length;
    expectEqual(
      { status, allocations: count("allocate"), frees: count("free") },
      { ...outcome },
      "outcome",
    );
    checkOrder(events);
  }
}

/** P-R2: a frame goes back only after a barrier and an invalidation, unless it was never linked. */
function checkOrder(events: readonly MachineEvent[]): void {
  const fresh = new Set<Pfn>();
  let previous: MachineEvent["kind"] | null = null;
  let invalidated = false;
  for (const event of events) {
    if (event.kind === "allocate") fresh.add(event.pfn);
    if (event.kind === "invalidate") {
      if (previous !== "barrier") throw new Error("an invalidation without a barrier before it");
      invalidated = true;
    }
    if (event.kind === "free" && !invalidated && !fresh.has(event.pfn)) {
      throw new Error(`P-R2: table ${event.pfn} freed before an invalidation`);
    }
    previous = event.kind;
  }
}

/** Software marks: every table above an accessed leaf is marked, or ageing would lose the leaf. */
function checkMarks(reading: Reading): void {
  for (const table of reading.tables) {
    if (table.marked) continue;
    const end = table.base + 8 ** (table.level + 1);
    for (let vpn = table.base; vpn < end; vpn++) {
      if (reading.pages.get(vpn)?.accessed === true) {
        throw new Error(`the table of accessed page ${vpn} is not marked (P-H7)`);
      }
    }
  }
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: found ${a}, expected ${b}`);
}
