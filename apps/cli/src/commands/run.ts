/** `aspace run FILE`: a trace, played on one architecture. */
import { readFileSync } from "node:fs";
import { Checking, runTrace, UnreadableTrace, type Outcome, type TraceRun } from "@aspace/trace";
import { architectureNamed } from "../architecture-names.ts";
import { ExitStatus } from "../exit-status.ts";
import { print, printJson } from "../output/terminal.ts";
import { traceRunText } from "../output/trace-run.ts";
import { badInput } from "../refusal.ts";

export interface RunFlags {
  readonly arch: string;
  readonly until?: number;
  readonly faultMode?: "upgrade" | "legacy";
  readonly quirk?: readonly string[];
  readonly validate?: true;
  readonly json?: true;
}

/** Stands for standard input. */
const STDIN = "-";

export function run(path: string, flags: RunFlags): ExitStatus {
  const played = play(path, flags);
  if (flags.json) printJson(documentOf(path, flags, played));
  else print(traceRunText(played));
  return played.failure === null ? ExitStatus.CLEAN : ExitStatus.FINDINGS;
}

function play(path: string, { arch, until, faultMode, quirk, validate }: RunFlags): TraceRun {
  const architecture = architectureNamed(arch);
  const text = readText(path);
  try {
    return runTrace(text, {
      architecture,
      ...(until === undefined ? {} : { until }),
      ...(faultMode === undefined ? {} : { faultMode }),
      quirks: quirk ?? [],
      checking: validate === true ? Checking.AFTER_EACH : Checking.WHEN_ASKED,
    });
  } catch (error) {
    throw error instanceof UnreadableTrace ? badInput(`${path}: ${error.message}`) : error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path === STDIN ? 0 : path, "utf8");
  } catch (error) {
    throw badInput(`${path}: cannot be read: ${(error as Error).message}`);
  }
}

function documentOf(path: string, { arch }: RunFlags, { outcomes, failure }: TraceRun): object {
  const document = { schemaVersion: 1, path, arch, operations: outcomes.map(stepOf) };
  if (failure === null) return { ...document, failure };
  const { line, mismatch, message } = failure;
  return { ...document, failure: { line, ...mismatch!, message } };
}

function stepOf({ line, operation, seen }: Outcome): object {
  return { line, operation, seen };
}
