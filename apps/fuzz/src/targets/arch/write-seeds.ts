/**
 * Writes the seed corpus of the `arch` target: every scene as an input, and the random programs that
 * reach what no scene does, named by their SHA-1; and the version of the encoding. Removes what is
 * there. Run it after changing scenes or decoder:
 *
 *     node apps/fuzz/src/targets/arch/write-seeds.ts
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha1 } from "../../findings/fingerprint.ts";
import { DECODER_VERSION } from "./decode.ts";
import { encode } from "./encode.ts";
import { chooseRandomSeeds } from "./random-seeds.ts";
import { SCENES } from "./scenes.ts";

const ARCHES = ["x86-64", "arm64"];
const CANDIDATES = 3000;
const SEED = 1;

const scenes = SCENES.map(({ name, program }) => {
  const bytes = encode(program);
  if (bytes === null) throw new Error(`no input says: ${name}`);
  return bytes;
});
const folder = fileURLToPath(new URL("../../../corpus/arch/", import.meta.url));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}DECODER_VERSION`, `${DECODER_VERSION}\n`);
for (const input of [...scenes, ...chooseRandomSeeds(ARCHES, scenes, CANDIDATES, SEED)]) {
  writeFileSync(`${folder}${sha1(input)}`, input);
}
