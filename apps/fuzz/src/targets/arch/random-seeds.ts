import { Random } from "@aspace/arch-conformance";
import { chooseSeeds, type CreateWith } from "../choose-seeds.ts";
import { createArchTarget } from "./arch-target.ts";
import { HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES } from "./decode.ts";

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

/**
 * Chooses, among random programs, those that reach state cells which nothing before them reached: the
 * combinations that no scene shows. Programs are short, so that each adds little.
 */
export function chooseRandomSeeds(
  arches: readonly string[],
  scenes: readonly Uint8Array[],
  candidates: number,
  seed: number,
): Uint8Array[] {
  const random = new Random(seed);
  const inputs = Array.from({ length: candidates }, () => randomInput(random));
  const create: CreateWith = (stateMap) => createArchTarget({ arches, quirks: [], stateMap });
  return chooseSeeds(create, scenes, inputs);
}
