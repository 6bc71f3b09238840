/**
 * Findings on disk: one folder each, complete or absent (F-16).
 *
 *     findings/
 *       P-T1-unmap-arm64-…-9f2c01aa-52ab93d0/     fingerprint's hash, input's hash
 *         input.bin  trace.jsonl  finding.json
 *
 * A folder is written under a temporary name, its files are synced, then it is renamed. Several
 * processes may save at once: the rename of the second one fails, and the first one's stays.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
} from "node:fs";
import { renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Failure } from "../target.ts";
import { FINDING_FORMAT_VERSION, parseFinding, type Finding, type Provenance } from "./finding.ts";
import { fingerprintOf, folderPrefix, sha1 } from "./fingerprint.ts";

/** Folders kept for one fingerprint; further sightings are only counted (F-21). */
export const FOLDERS_PER_FINGERPRINT = 3;

/** What became of one failure. `counted`: enough examples are there already. */
export type Saved =
  | { readonly kind: "saved" | "counted"; readonly fingerprint: string; readonly directory: string }
  | { readonly kind: "not-written"; readonly fingerprint: string; readonly reason: string };

/** Writes one file and makes sure that it is on the disk. Throws when it is not. */
export type WriteFile = (path: string, content: Uint8Array) => void;

export class FindingStore {
  readonly #folder: string;
  readonly #provenance: Provenance;
  readonly #write: WriteFile;
  /** First folder of each fingerprint that this process has seen. */
  readonly #seen = new Map<string, { saves: number; directory: string }>();

  constructor(folder: string, provenance: Provenance, write: WriteFile = writeSynced) {
    this.#folder = folder;
    this.#provenance = provenance;
    this.#write = write;
  }

  /**
   * Saves a failure unless this input is there already or the fingerprint has its examples. The
   * first sighting by this process is always saved: an old example may no longer fail.
   */
  save(failure: Failure, input: Uint8Array): Saved {
    const fingerprint = fingerprintOf(failure);
    const prefix = folderPrefix(fingerprint);
    const seen = this.#seen.get(fingerprint);
    if (seen !== undefined && seen.saves >= FOLDERS_PER_FINGERPRINT) {
      return { kind: "counted", fingerprint, directory: seen.directory };
    }
    const directory = join(this.#folder, prefix + sha1(input).slice(0, 8));
    const isFirst = seen === undefined;
    if (existsSync(directory)) return this.#remember("counted", fingerprint, directory, 0);
    if (!isFirst && this.#countFolders(prefix) >= FOLDERS_PER_FINGERPRINT) {
      return this.#remember("counted", fingerprint, directory, FOLDERS_PER_FINGERPRINT);
    }
    try {
      this.#writeFolder(directory, failure, fingerprint, input);
    } catch (error) {
      return { kind: "not-written", fingerprint, reason: (error as Error).message };
    }
    return this.#remember("saved", fingerprint, directory, 1);
  }

  #remember(
    kind: "saved" | "counted",
    fingerprint: string,
    directory: string,
    saves: number,
  ): Saved {
    const seen = this.#seen.get(fingerprint) ?? { saves: 0, directory };
    this.#seen.set(fingerprint, { saves: seen.saves + saves, directory: seen.directory });
    return { kind, fingerprint, directory: seen.directory };
  }

  #countFolders(prefix: string): number {
    return readdirSync(this.#folder).filter((name) => name.startsWith(prefix)).length;
  }

  #writeFolder(directory: string, failure: Failure, fingerprint: string, input: Uint8Array): void {
    const { trace, ...described } = failure;
    const finding: Finding = {
      formatVersion: FINDING_FORMAT_VERSION,
      fingerprint,
      ...described,
      ...this.#provenance,
      input: sha1(input),
      hasTrace: trace !== "",
    };
    mkdirSync(this.#folder, { recursive: true });
    const temporary = join(this.#folder, `.writing-${process.pid}-${finding.input}`);
    try {
      rmSync(temporary, { recursive: true, force: true });
      mkdirSync(temporary);
      this.#write(join(temporary, "input.bin"), input);
      if (finding.hasTrace) this.#write(join(temporary, "trace.jsonl"), Buffer.from(trace));
      this.#write(
        join(temporary, "finding.json"),
        Buffer.from(JSON.stringify(finding, null, 2) + "\n"),
      );
      renameSync(temporary, directory);
      syncFolder(this.#folder);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      // Another process was faster with the same input: its folder is as good as ours.
      if (!existsSync(join(directory, "finding.json"))) throw error;
    }
  }
}

/** A folder written by {@link FindingStore}; the message of what it throws is one line. */
export function readFinding(directory: string): {
  finding: Finding;
  input: Uint8Array;
  trace: string | null;
} {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(directory, name));
    } catch {
      throw new UnreadableFinding(`${directory} has no readable ${name}`);
    }
  };
  const finding = parseFinding(read("finding.json").toString());
  if (finding === null)
    throw new UnreadableFinding(`${directory}/finding.json is not a finding of this version`);
  const input = read("input.bin");
  if (sha1(input) !== finding.input)
    throw new UnreadableFinding(`${directory}/input.bin is damaged`);
  return { finding, input, trace: finding.hasTrace ? read("trace.jsonl").toString() : null };
}

export class UnreadableFinding extends Error {
  override readonly name = "UnreadableFinding";
}

export function writeSynced(path: string, content: Uint8Array): void {
  const file = openSync(path, "w");
  try {
    for (let written = 0; written < content.length;) {
      written += writeSync(file, content, written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
