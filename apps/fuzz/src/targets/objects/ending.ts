import { Status } from "@aspace/arch";
import { PAGERS } from "./operation.ts";
import { expectThat, type Stage } from "./outcome.ts";
import { drop, unmap } from "./family-operations.ts";
import { unpinHeld } from "./content-operations.ts";
import { closePager } from "./pager-operations.ts";
import { finishCompression } from "./reclaim-operations.ts";
import { kill, resume } from "./tasks.ts";
import type { World } from "./world.ts";

/** More turns than any operation can take once nothing makes it wait. */
const MOST_TURNS = 64;

/** Ends everything that waits, lets go of everything, and then nothing may be left (P3). */
export function endWorld(stage: Stage): void {
  const { world } = stage;
  world.clearPlan();
  for (let pager = 0; pager < PAGERS; pager++) closePager(world, pager);
  endActors(stage);
  finishCompression(stage, "fits");
  for (const [slot, held] of world.pins.entries()) {
    if (held !== null) unpinHeld(held);
    world.pins[slot] = null;
  }
  for (const resident of world.residents) if (resident.mapping !== null) unmap(resident);
  for (const slot of world.objects.keys()) if (world.objects[slot] !== null) drop(stage, slot);
  world.bury();
  for (const list of world.lists) list?.free();
  world.system.compressor.disarm();
  checkNothingLeft(world);
}

/** Memory is there again: whoever waits must come to an end, but for those who find none even so. */
function endActors(stage: Stage): void {
  const { world } = stage;
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    world.system.pmm.setLow(false);
    const slot = world.actors.findIndex((actor) => actor !== null);
    if (slot < 0) return;
    const actor = world.actors[slot]!;
    expectThat(
      !actor.request.isOutstanding,
      "P17",
      () => `${actor.kind} ${actor.serial} waits for ever`,
    );
    if (resume(stage, slot) === Status.SHOULD_WAIT) giveUp(stage, slot);
  }
}

/** There are too few frames for it, and there always will be. */
function giveUp(stage: Stage, slot: number): void {
  kill(stage, stage.world.actors[slot]!);
  stage.world.actors[slot] = null;
}

function checkNothingLeft({ residents, system }: World): void {
  const { pmm, compressor } = system;
  expectThat(residents.size === 0, "P3", () => `${residents.size} objects are left`);
  expectThat(pmm.liveCount === 0, "P3", () => `${pmm.liveCount} frames are left`);
  expectThat(compressor.liveCount === 0, "P3", () => `${compressor.liveCount} references are left`);
  pmm.validate();
  system.queues.validate();
}
