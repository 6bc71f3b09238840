import {
  AspaceKind,
  KernelPanic,
  NO_FRAME,
  Status,
  emptyWalk,
  statusName,
  type ArchSystem,
  type ArchVmAspace,
  type Architecture,
  type CpuId,
  type Hardware,
  type Pfn,
  type TableFrames,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import { Observer, ReferenceAspace } from "@aspace/arch-conformance";
import { createMachine, type Cpu, type Machine } from "@aspace/machine";
import { MEMORY_FRAMES, RAM_FRAMES, TABLES_FIRST } from "./frames.ts";
import type { AspaceSlot, Program } from "./operation.ts";

/** CPUs that programs use; each aspace slot has one more that only looks. */
const PROGRAM_CPUS = 4;
const SLOTS = 4;

/** One live aspace with everything that judges it. */
export interface Resident {
  readonly slot: AspaceSlot;
  readonly kind: AspaceKind;
  readonly aspace: ArchVmAspace;
  readonly reference: ReferenceAspace;
  readonly observer: Observer;
  /** A CPU that stays in the aspace, never accesses anything, and lends its MMU for cold walks. */
  readonly watcher: Cpu;
  /** Base pages touched since a harvest that must report them. */
  readonly touched: Set<Vpn>;
  /** Leaf tables touched since the last FreeUnaccessed, by the number of their first page / 512. */
  readonly touchedTables: Set<number>;
  /** Since when statuses may differ between architectures for good reasons. */
  diverged: boolean;
}

/** Counts refusals: the reference has to know whether memory ran out, not why. */
class CountingTables implements TableFrames {
  refusals = 0;
  readonly #tables: TableFrames;

  constructor(tables: TableFrames) {
    this.#tables = tables;
  }

  allocate(): Pfn {
    const pfn = this.#tables.allocate();
    if (pfn === NO_FRAME) this.refusals++;
    return pfn;
  }

  free(pfn: Pfn): void {
    this.#tables.free(pfn);
  }
}

/**
 * One architecture's machine, booted, with the aspaces of a program and the models they are compared
 * with. The machine is reused from run to run: `start` brings it back to power-on.
 */
export class World {
  readonly architecture: Architecture;
  readonly machine: Machine;
  readonly residents: (Resident | null)[] = [];
  /** Where each CPU is: a slot, or -1 for the kernel alone. */
  readonly placeOf: Int32Array = new Int32Array(PROGRAM_CPUS + SLOTS).fill(-1);
  /** The first word of every frame of ordinary memory, as it should be. */
  readonly contents: Int32Array = new Int32Array(MEMORY_FRAMES);
  readonly walk: Walk = emptyWalk();
  readonly #quirks: ReadonlySet<string>;
  #system: ArchSystem | null = null;
  #tables: CountingTables;

  constructor(architecture: Architecture, quirks: ReadonlySet<string>) {
    this.architecture = architecture;
    this.#quirks = quirks;
    this.machine = createMachine({
      architecture,
      cpuCount: PROGRAM_CPUS + SLOTS,
      frameCount: RAM_FRAMES,
      firstFrame: TABLES_FIRST,
    });
    this.#tables = new CountingTables(this.machine.tables);
  }

  /** Allocations refused since `start`. */
  get refusals(): number {
    return this.#tables.refusals;
  }

  get system(): ArchSystem {
    if (this.#system === null) throw new Error("the world has not started");
    return this.#system;
  }

  /** Powers on, boots, and makes the program's aspaces. */
  start(program: Program): void {
    const { machine, architecture } = this;
    machine.reset();
    this.contents.fill(0);
    this.placeOf.fill(-1);
    // All of RAM is taken; then the budget's worth of table frames is given back, lowest on top.
    for (let pfn = TABLES_FIRST; pfn < RAM_FRAMES; pfn++) machine.pages.allocatePage();
    for (let pfn = TABLES_FIRST + program.tableFrames; pfn > TABLES_FIRST;) {
      machine.pages.freePage(--pfn);
    }
    this.#tables = new CountingTables(machine.tables);
    const hardware: Hardware = {
      memory: machine.memory,
      tables: this.#tables,
      pages: machine.pages,
      bus: machine.bus,
      mmus: machine.mmus,
    };
    this.#system = architecture.boot(hardware, {
      quirks: this.#quirks,
      tagLimit: architecture.tagLimit,
    });
    expectOk("P-L1", "start", this.#system.start());
    this.residents.length = 0;
    for (let slot = 0; slot < program.aspaces.length; slot++) {
      this.residents.push(null);
      expectOk("P-L1", "init", this.create(slot, program.aspaces[slot]!));
    }
  }

  /** Makes an aspace in an empty slot and puts its watcher there. NO_MEMORY leaves the slot empty. */
  create(slot: AspaceSlot, kind: AspaceKind): Status {
    const { system, architecture } = this;
    const isKernel = kind === AspaceKind.KERNEL;
    const aspace = isKernel ? system.kernel : system.createAspace(kind);
    const before = this.machine.tables.live;
    const status = isKernel ? Status.OK : aspace.init();
    if (status !== Status.OK) {
      if (this.machine.tables.live !== before) {
        throw new KernelPanic("P-L3", "a failed init kept table frames");
      }
      return status;
    }
    const reference = new ReferenceAspace(kind, architecture.aspaces[kind]);
    const watcher = this.machine.cpus[PROGRAM_CPUS + slot]!;
    this.residents[slot] = {
      slot,
      kind,
      aspace,
      reference,
      observer: new Observer(architecture, aspace, reference),
      watcher,
      touched: new Set(),
      touchedTables: new Set(),
      diverged: false,
    };
    this.move(watcher.id, slot);
    return Status.OK;
  }

  /** Sends every CPU out of a slot, destroys its empty aspace and empties the slot. */
  destroy(resident: Resident): void {
    for (let cpu = 0; cpu < this.placeOf.length; cpu++) {
      if (this.placeOf[cpu] === resident.slot) this.move(cpu, -1);
    }
    if (resident.kind !== AspaceKind.KERNEL) resident.aspace.destroy();
    this.residents[resident.slot] = null;
  }

  /** Switches a CPU to a slot; the kernel's slot, and -1, mean the kernel alone. */
  move(cpu: CpuId, slot: AspaceSlot): void {
    const resident = slot < 0 ? null : this.residents[slot]!;
    const to = resident === null || resident.kind === AspaceKind.KERNEL ? null : resident.aspace;
    this.system.contextSwitch(cpu, to);
    this.placeOf[cpu] = slot;
  }

  /** Makes sure that a CPU can reach a resident's pages from where it is. */
  reach(cpu: CpuId, resident: Resident): void {
    const place = this.placeOf[cpu]!;
    if (place === resident.slot) return;
    const here = place < 0 ? null : this.residents[place]!;
    const kernelIsVisible = here === null || here.kind !== AspaceKind.GUEST;
    if (resident.kind === AspaceKind.KERNEL && kernelIsVisible) return;
    this.move(cpu, resident.slot);
  }
}

function expectOk(rule: string, what: string, status: Status): void {
  if (status === Status.OK) return;
  throw new KernelPanic(rule, `${what} with memory to spare answered ${statusName(status)}`);
}
