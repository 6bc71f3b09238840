/**
 * RAM and frames for tests of memory objects: a machine whose CPU translates nothing, so that no
 * frame is ever reachable by it. 64 reserved frames come first, so that frame numbers are not
 * mistaken for page offsets.
 */
import { KernelPanic, type Mmu } from "@aspace/arch";
import { Machine } from "@aspace/machine";

/** The frame that a bare machine hands out first. */
export const FIRST_FRAME = 64;

const NO_MMU: Mmu = {
  tag: 0,
  tablePages: [9],
  faultEvicts: false,
  tracksDirty: false,
  rootPfns: () => [],
  walk: refuse,
  inspect: refuse,
  deniedFault: refuse,
};

/** A machine with `allocatable` frames. */
export function bareMachine(allocatable: number): Machine {
  return new Machine({
    architecture: { createMmu: () => NO_MMU },
    cpuCount: 1,
    frameCount: FIRST_FRAME + allocatable,
    firstFrame: FIRST_FRAME,
    conflicts: "allowed",
  });
}

/** Runs `action` and answers the rule of the KernelPanic that it must end in. */
export function panicRule(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof KernelPanic) return error.rule;
    throw error;
  }
  return "no panic";
}

function refuse(): never {
  throw new Error("a bare machine translates nothing");
}
