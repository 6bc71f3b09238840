/** Everything a campaign needs before its first process starts, or the reason why it cannot start. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Provenance } from "../findings/finding.ts";
import { UnusableOptions, type CreateTarget, type FuzzTarget } from "../target.ts";
import { wrongNumber, type CampaignOptions } from "./campaign-options.ts";
import { openWorkingCorpus, readCorpus, type Corpus } from "./corpus.ts";
import { BYTES_TO_START, freeBytes, inMib } from "./free-space.ts";
import type { TargetEntry } from "./target-registry.ts";

export interface PreparedCampaign {
  readonly kind: "prepared";
  readonly options: CampaignOptions;
  readonly folders: CampaignFolders;
  readonly provenance: Provenance;
  readonly damagedSeeds: number;
  readonly notes: readonly string[];
}

/** The layout of an output directory. */
export interface CampaignFolders {
  readonly corpus: string;
  readonly damaged: string;
  readonly findings: string;
  readonly artifacts: string;
  readonly logs: string;
}

export interface Refused {
  readonly kind: "refused";
  readonly status: 2 | 3 | 70;
  readonly reason: string;
}

/** Checks the options, then the surroundings, then makes the folders and the working corpus. */
export async function prepareCampaign(
  options: CampaignOptions,
): Promise<PreparedCampaign | Refused> {
  const wrong = wrongNumber(options);
  if (wrong !== null) return refused(2, wrong);

  const target = await loadTarget(options.target, options);
  if ("kind" in target) return target;
  const seeds = readSeeds(options.seedCorpus, target.decoderVersion);
  if ("kind" in seeds) return seeds;
  const folders = foldersOf(options);
  const noRoom = makeFolders(options.outputDirectory, folders);
  if (noRoom !== null) return noRoom;

  const notes = fillCorpus(options, folders, seeds, target.decoderVersion);
  if ("kind" in notes) return notes;
  if (seeds.damaged.length > 0) {
    const some = seeds.damaged.slice(0, 3).join(", ");
    notes.push(`${seeds.damaged.length} damaged files in ${options.seedCorpus} skipped: ${some}`);
  }
  const provenance = provenanceOf(options, target.decoderVersion);
  const damagedSeeds = seeds.damaged.length;
  return { kind: "prepared", options, folders, provenance, damagedSeeds, notes };
}

/** Creates the target without an engine, as replay does, to learn what it thinks of the options. */
export async function loadTarget(
  { name, module, factory }: Pick<TargetEntry, "name" | "module" | "factory">,
  options: { arches: readonly string[]; quirks: readonly string[] },
): Promise<FuzzTarget | Refused> {
  const { arches, quirks } = options;
  try {
    const exported = (await import(module)) as Record<string, CreateTarget>;
    return exported[factory]!({ arches, quirks });
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof UnusableOptions) return refused(2, message);
    return refused(70, `the target ${name} does not load: ${message}`);
  }
}

function readSeeds(folder: string, decoderVersion: number): Corpus | Refused {
  let seeds: Corpus;
  try {
    seeds = readCorpus(folder);
  } catch {
    return refused(2, `the corpus ${folder} cannot be read`);
  }
  const { decoderVersion: found } = seeds;
  if (found === null || found === decoderVersion) return seeds;
  const versions = `decoder version ${found}, this is version ${decoderVersion}`;
  return refused(2, `the corpus ${folder} is for ${versions}`);
}

function foldersOf({ outputDirectory, target, limit, seed }: CampaignOptions): CampaignFolders {
  // A campaign with a number of runs starts from the seeds alone: so it can be repeated (F-23).
  const corpus =
    limit.kind === "runs" ? `${target.name}-seed-${seed}-runs-${limit.runs}` : target.name;
  return {
    corpus: join(outputDirectory, "corpus", corpus),
    damaged: join(outputDirectory, "corpus-damaged", corpus),
    findings: join(outputDirectory, "findings"),
    artifacts: join(outputDirectory, `artifacts-${process.pid}`),
    logs: join(outputDirectory, "logs"),
  };
}

function makeFolders(outputDirectory: string, folders: CampaignFolders): Refused | null {
  try {
    mkdirSync(folders.findings, { recursive: true });
    accessSync(outputDirectory, constants.W_OK);
  } catch (error) {
    return refused(2, `cannot write to ${outputDirectory}: ${(error as Error).message}`);
  }
  const free = freeBytes(outputDirectory);
  if (free >= BYTES_TO_START) return null;
  const room = `${inMib(free)} free, ${inMib(BYTES_TO_START)} needed`;
  return refused(3, `the disk of ${outputDirectory} is full: ${room}`);
}

function fillCorpus(
  { limit }: CampaignOptions,
  { corpus, damaged }: CampaignFolders,
  seeds: Corpus,
  decoderVersion: number,
): string[] | Refused {
  try {
    if (limit.kind === "runs") rmSync(corpus, { recursive: true, force: true });
    return openWorkingCorpus(corpus, damaged, seeds, decoderVersion);
  } catch (error) {
    return refused(3, `the working corpus ${corpus} cannot be made: ${(error as Error).message}`);
  }
}

function provenanceOf(
  { target, arches, quirks, seed }: CampaignOptions,
  decoderVersion: number,
): Provenance {
  return {
    target: target.name,
    arches: [...arches],
    quirks: [...quirks],
    seed,
    decoderVersion,
    node: process.version,
    commit: currentCommit(),
  };
}

/** The commit of this source tree, `null` outside a repository. */
function currentCommit(): string | null {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  try {
    const stdio = ["ignore", "pipe", "ignore"] as ["ignore", "pipe", "ignore"];
    return execFileSync("git", ["rev-parse", "HEAD"], { cwd, stdio }).toString().trim();
  } catch {
    return null;
  }
}

export function refused(status: Refused["status"], reason: string): Refused {
  return { kind: "refused", status, reason: reason.split("\n", 1)[0]! };
}
