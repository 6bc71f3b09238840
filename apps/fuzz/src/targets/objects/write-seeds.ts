/**
 * Writes the seed corpus of the `objects` target: every scene as an input, and the random programs that reach what no
 * scene does, named by their SHA-1; and the version of the encoding. Removes what is there. Run it after changing
 * scenes or decoder:
 *
 *     node apps/fuzz/src/targets/objects/write-seeds.ts
 */
import { writeSeedCorpus } from "../seed-corpus.ts";
import { DECODER_VERSION } from "./decode.ts";
import { encode } from "./encode.ts";
import { chooseRandomSeeds } from "./random-seeds.ts";
import { SCENES } from "./scenes.ts";

const CANDIDATES = 6000;
const SEED = 1;

const scenes = SCENES.map(({ name, program }) => {
  const bytes = encode(program);
  if (bytes === null) throw new Error(`no input says: ${name}`);
  return bytes;
});
writeSeedCorpus("objects", DECODER_VERSION, [
  ...scenes,
  ...chooseRandomSeeds(scenes, CANDIDATES, SEED),
]);
