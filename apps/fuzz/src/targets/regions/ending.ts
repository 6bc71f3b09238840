import type { Executor } from "./executor.ts";
import { drop } from "./object-operations.ts";
import { expectThat } from "./outcome.ts";
import { kill } from "./threads.ts";
import type { World } from "./world.ts";

/** Kills who waits, and lets go of aspaces and objects. */
export function endWorld(executor: Executor): void {
  const { world } = executor;
  world.plan = null;
  for (const [slot, thread] of world.threads.entries()) {
    if (thread !== null) kill(executor, thread);
    world.threads[slot] = null;
  }
  for (const aspace of world.aspaces) if (aspace !== null) executor.endAspace(aspace);
  for (const [slot, object] of world.objects.entries()) if (object !== null) drop(executor, slot);
  world.bury();
}

/** I-40: nothing is left but what boot made. */
export function checkNothingLeft({ kernel, pmm, residents }: World): void {
  expectThat(residents.size === 0, "I-40", () => `${residents.size} objects are left`);
  expectThat(pmm.liveCount === 0, "I-40", () => `${pmm.liveCount} frames are left`);
  const tables = kernel.machine.tables.live - kernel.system.kernel.tablePages();
  expectThat(tables === 0, "I-40", () => `${tables} page tables are left`);
  const { aspaces, counters } = kernel.regions;
  expectThat(aspaces.size === 1, "I-40", () => `${aspaces.size} aspaces are left`);
  expectThat(counters.highPriorityAspaces === 0, "I-28", () => "an aspace was counted as high");
  kernel.machine.validate();
}
