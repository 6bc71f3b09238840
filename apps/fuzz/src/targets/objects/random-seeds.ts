import { Random } from "@aspace/arch-conformance";
import { HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES } from "./decode.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { chooseSeeds, type CreateWith } from "../choose-seeds.ts";

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

const create: CreateWith = (stateMap) => createObjectsTarget({ arches: [], quirks: [], stateMap });

/** Random programs that reach state cells which no scene and no other of them reaches. */
export function chooseRandomSeeds(
  scenes: readonly Uint8Array[],
  candidates: number,
  seed: number,
): Uint8Array[] {
  const random = new Random(seed);
  const inputs = Array.from({ length: candidates }, () => randomInput(random));
  return chooseSeeds(create, scenes, inputs);
}
