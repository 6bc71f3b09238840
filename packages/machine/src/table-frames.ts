import { NO_FRAME, type Pfn, type TableFrames } from "@aspace/arch";
import type { EventLog } from "./event-log.ts";
import { FailurePlan } from "./failure-plan.ts";
import { FrameOwner, type Frames } from "./frames.ts";
import type { Ram } from "./ram.ts";
import type { Reachability } from "./reachability.ts";

/** Frames for page tables: zeroed, failing on demand, and taken back only when nobody can reach them. */
export class TableAllocator implements TableFrames {
  /** Which allocations fail. */
  readonly failures: FailurePlan = new FailurePlan();
  private readonly ram: Ram;
  private readonly frames: Frames;
  private readonly log: EventLog;
  private readonly reachability: Reachability;

  constructor(ram: Ram, frames: Frames, log: EventLog, reachability: Reachability) {
    this.ram = ram;
    this.frames = frames;
    this.log = log;
    this.reachability = reachability;
  }

  /** Table frames in use. */
  get live(): number {
    return this.frames.countOf(FrameOwner.TABLE);
  }

  allocate(): Pfn {
    if (this.failures.claims()) return NO_FRAME;
    const pfn = this.frames.take(FrameOwner.TABLE);
    if (pfn === NO_FRAME) return NO_FRAME;
    this.ram.zeroFrame(pfn);
    this.ram.markWritten(pfn);
    this.log.tableAllocated(pfn);
    return pfn;
  }

  free(pfn: Pfn): void {
    this.frames.assertOwner(pfn, FrameOwner.TABLE, "P-R2");
    this.reachability.assertUntranslated(pfn);
    this.reachability.assertUnlinked(pfn);
    this.frames.give(pfn);
    this.log.tableFreed(pfn);
  }

  /** Power-on; the frames are reset by their owner. */
  reset(): void {
    this.failures.failNever();
  }
}
