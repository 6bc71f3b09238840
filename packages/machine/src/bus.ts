import type { CpuMask, InvalidationBus, InvalidationScope, Pfn, Tag, Vpn } from "@aspace/arch";
import type { Cpu } from "./cpu.ts";
import type { EventLog } from "./event-log.ts";

/**
 * Carries invalidations to the CPUs.
 *
 * Page-table code runs in a straight line here, but on a real machine other CPUs run at the same
 * time. The `interlude` is their turn: it is called at every barrier, before each CPU of an
 * invalidation executes it, and after the last one did. In it, CPUs may access, prefetch and switch
 * context, but nobody may edit the aspace that is being edited: its lock is held. Barriers and
 * invalidations made in an interlude have no interludes of their own.
 *
 *     invalidate(CPU 0 and 2):   interlude, CPU 0 drops, interlude, CPU 2 drops, interlude
 */
export class Bus implements InvalidationBus {
  /** The other CPUs' turn; null when they are idle. */
  interlude: (() => void) | null = null;
  private inInterlude = false;
  private readonly cpus: readonly Cpu[];
  private readonly log: EventLog;

  constructor(cpus: readonly Cpu[], log: EventLog) {
    this.cpus = cpus;
    this.log = log;
  }

  barrier(): void {
    this.log.barrier();
    this.letOthersRun();
  }

  /** Bits of `cpus` above the last CPU name nobody. */
  invalidate(cpus: CpuMask, scope: InvalidationScope, tag: Tag, vpn: Vpn): void {
    this.log.invalidate(cpus, scope, tag, vpn);
    for (let id = 0; id < this.cpus.length; id++) {
      if (((cpus >>> id) & 1) === 0) continue;
      this.letOthersRun();
      this.cpus[id]!.invalidate(scope, tag, vpn);
    }
    this.letOthersRun();
  }

  synchronizeInstructions(pfn: Pfn): void {
    this.log.instructionsSynchronized(pfn);
  }

  /** Power-on: the other CPUs are idle. */
  reset(): void {
    this.interlude = null;
  }

  private letOthersRun(): void {
    if (this.interlude === null || this.inInterlude) return;
    this.inInterlude = true;
    try {
      this.interlude();
    } finally {
      this.inInterlude = false;
    }
  }
}
