import { Random } from "@aspace/arch-conformance";
import { chooseSeeds } from "../choose-seeds.ts";
import { HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES } from "./decode.ts";
import { createRegionsTarget } from "./regions-target.ts";

/** Swarm masks switch kinds off (F-7); two of three random programs have all kinds. */
const MASK_BYTES = [4, 5] as const;

/** A random program; `operations` of it, or a random number of them. */
export function randomInput(
  random: Random,
  operations: number = 1 + random.below(MAX_OPERATIONS),
): Uint8Array {
  const length = HEADER_BYTES + operations * RECORD_BYTES;
  const input = Uint8Array.from({ length }, () => random.below(256));
  if (!random.ratio(1, 3)) for (const index of MASK_BYTES) input[index] = 0;
  return input;
}

/** Chooses, among random programs, those that reach what nothing before them reached. */
export function chooseRandomSeeds(
  arches: readonly string[],
  scenes: readonly Uint8Array[],
  candidates: number,
  seed: number,
): Uint8Array[] {
  const random = new Random(seed);
  const inputs = Array.from({ length: candidates }, () => randomInput(random));
  return chooseSeeds(
    (stateMap) => createRegionsTarget({ arches, quirks: [], stateMap }),
    scenes,
    inputs,
  );
}
