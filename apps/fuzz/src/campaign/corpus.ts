/**
 * Corpus folders: flat, each file named by the SHA-1 of its content as the engine does it (F-28),
 * plus `DECODER_VERSION`, the version of the encoding that the inputs were written for (F-10).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeSynced } from "../findings/finding-store.ts";
import { sha1 } from "../findings/fingerprint.ts";

const VERSION_FILE = "DECODER_VERSION";

export interface Corpus {
  /** Inputs by name, in the order of their names. */
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  /** Names of files that are not what they claim to be, or cannot be read. */
  readonly damaged: readonly string[];
  /** `null` when the folder does not say. */
  readonly decoderVersion: number | null;
}

/** Reads a folder and checks every file. Throws if the folder itself cannot be read. */
export function readCorpus(folder: string): Corpus {
  const inputs = new Map<string, Uint8Array>();
  const damaged: string[] = [];
  for (const name of readdirSync(folder).toSorted()) {
    if (name === VERSION_FILE) continue;
    const content = contentOf(join(folder, name));
    if (content !== null && sha1(content) === name) inputs.set(name, content);
    else damaged.push(name);
  }
  return { inputs, damaged, decoderVersion: readVersion(folder) };
}

/**
 * Makes `folder` a corpus for the engine to work in: everything of `seeds`, everything whole that
 * is there already, nothing else. Damaged files move to `damagedFolder`; a corpus of another
 * decoder version moves aside as a whole. Answers what it moved, as lines for people.
 */
export function openWorkingCorpus(
  folder: string,
  damagedFolder: string,
  seeds: Corpus,
  decoderVersion: number,
): string[] {
  const notes: string[] = [];
  mkdirSync(folder, { recursive: true });
  const found = readVersion(folder);
  if (found !== null && found !== decoderVersion) {
    const aside = unusedName(`${folder}-decoder-${found}`);
    renameSync(folder, aside);
    mkdirSync(folder);
    notes.push(`the corpus of decoder version ${found} was kept as ${aside}`);
  }
  const { damaged, inputs } = readCorpus(folder);
  for (const name of damaged) {
    mkdirSync(damagedFolder, { recursive: true });
    renameSync(join(folder, name), unusedName(join(damagedFolder, name)));
  }
  if (damaged.length > 0) notes.push(`${damaged.length} damaged files moved to ${damagedFolder}`);
  writeSynced(join(folder, VERSION_FILE), Buffer.from(`${decoderVersion}\n`));
  for (const [name, content] of seeds.inputs) {
    if (!inputs.has(name)) writeSynced(join(folder, name), content);
  }
  return notes;
}

/** Number of files and bytes, without reading them. */
export function measureCorpus(folder: string): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (name === VERSION_FILE) continue;
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    files += found === undefined ? 0 : 1;
    bytes += found?.size ?? 0;
  }
  return { files, bytes };
}

function contentOf(file: string): Uint8Array | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}

function readVersion(folder: string): number | null {
  const content = contentOf(join(folder, VERSION_FILE));
  return content === null ? null : Number(Buffer.from(content).toString());
}

function unusedName(path: string): string {
  let name = path;
  for (let n = 2; existsSync(name); n++) name = `${path}-${n}`;
  return name;
}
