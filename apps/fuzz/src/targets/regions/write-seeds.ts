/**
 * Writes the seed corpus of the `regions` target: every scene as an input, and the random programs that reach what no
 * scene does, named by their SHA-1; and the version of the encoding. Removes what is there. Run it after changing
 * scenes or decoder:
 *
 *     node apps/fuzz/src/targets/regions/write-seeds.ts
 */
import { writeSeedCorpus } from "../seed-corpus.ts";
import { DECODER_VERSION } from "./decode.ts";
import { encode } from "./encode.ts";
import { chooseRandomSeeds } from "./random-seeds.ts";
import { SCENES } from "./scenes.ts";

const ARCHES = ["x86-64", "arm64"];
const CANDIDATES = 4000;
const SEED = 1;

const scenes = SCENES.map(({ name, program }) => {
  const bytes = encode(program);
  if (bytes === null) throw new Error(`no input says: ${name}`);
  return bytes;
});
const random = chooseRandomSeeds(ARCHES, scenes, CANDIDATES, SEED);
writeSeedCorpus("regions", DECODER_VERSION, [...scenes, ...random]);
