import {
  AspaceKind,
  KernelPanic,
  NO_FRAME,
  Status,
  statusName,
  type ArchSystem,
  type Architecture,
  type CpuId,
  type Hardware,
  type Mmu,
  type Pfn,
  type TableFrames,
} from "@aspace/arch";
import { createMachine, type Machine } from "@aspace/machine";
import { MEMORY_FRAMES, RAM_FRAMES, TABLES_FIRST } from "./frames.ts";
import type { AspaceSlot, Program } from "./operation.ts";
import { Resident } from "./resident.ts";

/** CPUs that programs use. */
export const PROGRAM_CPUS = 4;
/** One more that never accesses anything: it goes where there is something to look at. */
const WATCHER: CpuId = PROGRAM_CPUS;
/** The place of a CPU that runs the kernel alone. */
export const KERNEL_ALONE = -1;

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
  /** Where each CPU is: a slot, or KERNEL_ALONE. */
  readonly placeOf: Int32Array = new Int32Array(PROGRAM_CPUS + 1).fill(KERNEL_ALONE);
  /** The word of every frame of ordinary memory that stores write, as it should be. */
  readonly contents: Int32Array = new Int32Array(MEMORY_FRAMES);
  readonly #quirks: ReadonlySet<string>;
  #system: ArchSystem | null = null;
  #tables: CountingTables;

  constructor(architecture: Architecture, quirks: ReadonlySet<string>) {
    this.architecture = architecture;
    // Campaigns on several architectures switch a hazard on where it exists.
    this.#quirks = new Set(architecture.quirks.map(({ id }) => id).filter((id) => quirks.has(id)));
    this.machine = createMachine({
      architecture,
      cpuCount: PROGRAM_CPUS + 1,
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
    this.placeOf.fill(KERNEL_ALONE);
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
    expectOk("start", this.#system.start());
    this.residents.length = 0;
    for (const [slot, kind] of program.aspaces.entries()) {
      this.residents.push(null);
      expectOk("init", this.create(slot, kind));
    }
  }

  /** Makes an aspace in an empty slot. NO_MEMORY leaves the slot empty. */
  create(slot: AspaceSlot, kind: AspaceKind): Status {
    const { system, architecture, machine } = this;
    const isKernel = kind === AspaceKind.KERNEL;
    const aspace = isKernel ? system.kernel : system.createAspace(kind);
    const before = machine.tables.live;
    const status = isKernel ? Status.OK : aspace.init();
    if (status === Status.OK) {
      this.residents[slot] = new Resident(slot, aspace, architecture);
    } else if (machine.tables.live !== before) {
      throw new KernelPanic("P-L3", "a failed init kept table frames");
    }
    return status;
  }

  /** Sends every CPU out of a slot, destroys its empty aspace and empties the slot. */
  destroy(resident: Resident): void {
    for (let cpu = 0; cpu < this.placeOf.length; cpu++) {
      if (this.placeOf[cpu] === resident.slot) this.move(cpu, KERNEL_ALONE);
    }
    if (resident.kind !== AspaceKind.KERNEL) resident.aspace.destroy();
    this.residents[resident.slot] = null;
  }

  /** Switches a CPU to a live slot. The kernel's slot means the kernel alone. */
  move(cpu: CpuId, slot: AspaceSlot): void {
    const resident = slot < 0 ? null : this.residents[slot]!;
    const to = resident === null || resident.kind === AspaceKind.KERNEL ? null : resident.aspace;
    this.system.contextSwitch(cpu, to);
    this.placeOf[cpu] = slot;
    if (resident !== null) resident.entered = true;
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

  /** An MMU that sees a resident's pages, for cold walks. */
  watch(resident: Resident): Mmu {
    this.reach(WATCHER, resident);
    return this.machine.mmus[WATCHER]!;
  }
}

function expectOk(what: string, status: Status): void {
  if (status === Status.OK) return;
  throw new KernelPanic("P-L1", `${what} with memory to spare answered ${statusName(status)}`);
}
