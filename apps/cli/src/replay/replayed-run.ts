/** One saved run, run again without the engine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  replayFinding,
  TARGETS,
  UnreadableFinding,
  UnreadableTrace,
  UnusableOptions,
  type CreateTarget,
  type Failure,
  type FuzzTarget,
  type TargetOptions,
} from "@aspace/fuzz";
import { badInput } from "../refusal.ts";
import type { SavedRun } from "./saved-runs.ts";

export interface ReplayedRun {
  readonly path: string;
  /** `reproduced`: as saved. `different`: it fails, but as another defect than the saved one. */
  readonly outcome: "reproduced" | "different" | "passed";
  /** What is seen now; null when nothing fails. */
  readonly failure: Omit<Failure, "trace"> | null;
  /** Operations as JSON Lines: of this run if it failed, else as saved; null if there are none. */
  readonly trace: string | null;
}

/** The target that bare traces are for: the only one that has them. */
const TRACE_TARGET = "arch";

/** Refuses, with its path, what cannot be read. */
export async function replayRun(run: SavedRun): Promise<ReplayedRun> {
  try {
    return run.kind === "finding" ? await replaySavedFinding(run.path) : await replayFile(run.path);
  } catch (error) {
    if (!isBadInput(error)) throw error;
    const { message } = error;
    throw badInput(message.includes(run.path) ? message : `${run.path}: ${message}`);
  }
}

async function replaySavedFinding(path: string): Promise<ReplayedRun> {
  const replay = await replayFinding(path, createTargetFor);
  if (replay.kind === "gone") {
    const trace = replay.finding.hasTrace ? readText(join(path, "trace.jsonl")) : null;
    return { path, outcome: "passed", failure: null, trace };
  }
  return failed(path, replay.kind, replay.failure);
}

async function replayFile(path: string): Promise<ReplayedRun> {
  const text = readText(path);
  // The trace names its own architectures and quirks.
  const target = await createTargetFor({ target: TRACE_TARGET, arches: [], quirks: [] });
  const failure = target.replay(text);
  if (failure === null) return { path, outcome: "passed", failure: null, trace: text };
  return failed(path, "reproduced", failure);
}

function failed(
  path: string,
  outcome: "reproduced" | "different",
  { trace, ...failure }: Failure,
): ReplayedRun {
  return { path, outcome, failure, trace: trace === "" ? null : trace };
}

async function createTargetFor(
  wanted: Pick<TargetOptions, "arches" | "quirks"> & { readonly target: string },
): Promise<FuzzTarget> {
  const entry = TARGETS.find(({ name }) => name === wanted.target);
  if (entry === undefined) throw badInput(`it is for target '${wanted.target}', unknown here`);
  const exported = (await import(entry.module)) as Record<string, CreateTarget>;
  return exported[entry.factory]!({ arches: wanted.arches, quirks: wanted.quirks });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw badInput(`${path}: cannot be read: ${(error as Error).message}`);
  }
}

function isBadInput(error: unknown): error is Error {
  return [UnreadableFinding, UnreadableTrace, UnusableOptions].some((kind) => error instanceof kind);
}
