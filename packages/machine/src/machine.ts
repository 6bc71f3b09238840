import type { Architecture, Hardware, Mmu, Pfn } from "@aspace/arch";
import { Bus } from "./bus.ts";
import { CachedFrames } from "./cached-frames.ts";
import { Cpu } from "./cpu.ts";
import { EventLog } from "./event-log.ts";
import { Frames } from "./frames.ts";
import { PageRecords } from "./page-queues.ts";
import { Ram } from "./ram.ts";
import { Reachability } from "./reachability.ts";
import { TableAllocator } from "./table-frames.ts";
import type { TlbConflicts } from "./tlb.ts";

/** CPU sets are 32-bit masks. */
const MAX_CPUS = 32;

/** Where MMUs come from; an `Architecture` is one. */
export type MmuSource = Pick<Architecture, "createMmu">;

export interface MachineOptions {
  readonly architecture: MmuSource;
  /** 1..32. */
  readonly cpuCount: number;
  /** Frames of RAM, 1..2^21. */
  readonly frameCount: number;
  /** Lowest frame the allocator hands out; the RAM below is RESERVED. */
  readonly firstFrame: Pfn;
  /** What the architecture says about differing translations of one page. */
  readonly conflicts: TlbConflicts;
}

/**
 * RAM, CPUs and what connects them. Strict: what hardware may do after a kernel's slip, it does.
 * Two machines that were told the same hold the same, whatever they were used for before `reset`.
 */
export class Machine implements Hardware {
  readonly memory: Ram;
  readonly frames: Frames;
  readonly tables: TableAllocator;
  readonly pages: PageRecords;
  readonly log: EventLog = new EventLog();
  readonly bus: Bus;
  readonly cpus: readonly Cpu[];
  readonly conflicts: TlbConflicts;
  private readonly architecture: MmuSource;
  private readonly units: Mmu[];
  private readonly reachability: Reachability;

  constructor(options: MachineOptions) {
    const { architecture, cpuCount, frameCount, firstFrame, conflicts } = options;
    if (!Number.isInteger(cpuCount) || cpuCount < 1 || cpuCount > MAX_CPUS) {
      throw new RangeError(`cpuCount ${cpuCount} is not in 1..${MAX_CPUS}`);
    }
    this.architecture = architecture;
    this.conflicts = conflicts;
    this.memory = new Ram(frameCount);
    this.frames = new Frames(frameCount, firstFrame);
    const cached = new CachedFrames(frameCount);
    const site = { ram: this.memory, frames: this.frames, cached, conflicts };
    this.units = Array.from({ length: cpuCount }, () => architecture.createMmu(this.memory));
    this.cpus = this.units.map((mmu, id) => new Cpu(id, mmu, site));
    this.reachability = new Reachability(this.cpus, cached);
    this.tables = new TableAllocator(this.memory, this.frames, this.log, this.reachability);
    this.pages = new PageRecords(this.memory, this.frames, this.reachability);
    this.bus = new Bus(this.cpus, this.log);
  }

  /** One per CPU, in reset state after `reset`. */
  get mmus(): readonly Mmu[] {
    return this.units;
  }

  /**
   * Power-on, at the cost of what was used since: RAM zero, frames free, caches empty, MMUs new, no
   * interlude, no failure plan, nothing logged. Whatever ran on the machine is gone.
   */
  reset(): void {
    this.memory.reset();
    this.frames.reset();
    this.tables.reset();
    this.pages.clearReports();
    this.log.reset();
    this.bus.reset();
    for (const cpu of this.cpus) {
      this.units[cpu.id] = this.architecture.createMmu(this.memory);
      cpu.reset(this.units[cpu.id]!);
    }
  }

  /** Recounts from scratch what the machine counts as it goes; panics with K-4 or K-6. */
  validate(): void {
    this.frames.validate();
    this.reachability.validate();
  }
}

/** A machine as the architecture wants it. */
export function createMachine(
  options: Omit<MachineOptions, "architecture" | "conflicts"> & {
    readonly architecture: Pick<Architecture, "createMmu" | "aspaces">;
  },
): Machine {
  const { splitNeedsBbm } = options.architecture.aspaces.kernel.capabilities;
  return new Machine({ ...options, conflicts: splitNeedsBbm ? "panic" : "allowed" });
}
