import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha1 } from "../findings/fingerprint.ts";

/** Replaces a target's committed corpus by these inputs, each named by its SHA-1 (F-28). */
export function writeSeedCorpus(
  target: string,
  decoderVersion: number,
  inputs: readonly Uint8Array[],
): void {
  const folder = fileURLToPath(new URL(`../../corpus/${target}/`, import.meta.url));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}DECODER_VERSION`, `${decoderVersion}\n`);
  for (const input of inputs) writeFileSync(`${folder}${sha1(input)}`, input);
}
