/** One saved run, run again without the engine. */
import { readFileSync } from "node:fs";
import {
  replayFinding,
  targetOf,
  UnreadableTrace,
  UnusableOptions,
  type CreateTarget,
  type Failure,
} from "@aspace/fuzz";
import { badInput, Refusal } from "../refusal.ts";
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

/** Refuses, with its path, what cannot be read. */
export function replayRun({ kind, path }: SavedRun): Promise<ReplayedRun> {
  return kind === "finding" ? replaySavedFinding(path) : replayFile(path);
}

async function replaySavedFinding(path: string): Promise<ReplayedRun> {
  const replay = await replayFinding(path);
  switch (replay.kind) {
    case "refused":
      throw new Refusal(replay.status, withPath(path, replay.reason));
    case "gone":
      return { path, outcome: "passed", failure: null, trace: replay.trace };
    default:
      return failed(path, replay.kind, replay.failure);
  }
}

/** A trace in a file of its own names its architectures and quirks itself. */
async function replayFile(path: string): Promise<ReplayedRun> {
  const text = readText(path);
  const failure = await replayTrace(path, text);
  if (failure === null) return { path, outcome: "passed", failure: null, trace: text };
  return failed(path, "reproduced", failure);
}

async function replayTrace(path: string, text: string): Promise<Failure | null> {
  const entry = targetOf(text);
  const exported = (await import(entry.module)) as Record<string, CreateTarget>;
  const target = exported[entry.factory]!({ arches: [], quirks: [] });
  try {
    return target.replay(text);
  } catch (error) {
    const isTraceAtFault = error instanceof UnreadableTrace || error instanceof UnusableOptions;
    throw isTraceAtFault ? badInput(withPath(path, error.message)) : error;
  }
}

function failed(
  path: string,
  outcome: "reproduced" | "different",
  { trace, ...failure }: Failure,
): ReplayedRun {
  return { path, outcome, failure, trace: trace === "" ? null : trace };
}

export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw badInput(withPath(path, `cannot be read: ${(error as Error).message}`));
  }
}

export function withPath(path: string, message: string): string {
  return message.includes(path) ? message : `${path}: ${message}`;
}
