import type { Mmu, Pfn } from "@aspace/arch";
import { Machine } from "@aspace/machine";

/** RAM for memory objects: a machine whose CPU translates nothing, so that nothing but objects refers to a frame. */

/** Frames that no program gets: frame numbers shall not look like pages of an object. */
const FIRST_FRAME: Pfn = 256;

/** Frames that a program can have at most. */
export const MAX_FRAMES = 320;
/** Enough for a page of zeroes and a few others. */
export const MIN_FRAMES = 8;

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

function refuse(): never {
  throw new Error("the machine under memory objects translates nothing");
}

export function bareMachine(): Machine {
  return new Machine({
    architecture: { createMmu: () => NO_MMU },
    cpuCount: 1,
    frameCount: FIRST_FRAME + MAX_FRAMES + 1,
    firstFrame: FIRST_FRAME,
    conflicts: "allowed",
  });
}

/**
 * Power-on with so many frames to have.
 *
 * @returns A frame beside those, for whoever looks at compressed content.
 */
export function resetMachine(machine: Machine, frames: number): Pfn {
  machine.reset();
  const desk = machine.pages.allocatePage();
  for (let spare = MAX_FRAMES; spare > frames; spare--) machine.pages.allocatePage();
  return desk;
}
