/** `aspace minimize PATH`: saved findings and traces, with what they do not need left out. */
import type { Failure, Smallest } from "@aspace/fuzz";
import { ExitStatus } from "../exit-status.ts";
import { watchInterrupt } from "../interrupt.ts";
import { detailOf, titleOf } from "../output/broken-rule.ts";
import { smallestText } from "../output/campaign-progress.ts";
import { marks } from "../output/marks.ts";
import { operationList } from "../output/operation-list.ts";
import { paragraph } from "../output/paragraph.ts";
import { shortPath } from "../output/path.ts";
import { progressLine, type ProgressLine } from "../output/progress-line.ts";
import { count, counted } from "../output/quantity.ts";
import { columnsOf, note, paint, print, printJson } from "../output/terminal.ts";
import { Refusal } from "../refusal.ts";
import { minimiseRun, type MinimisedRun } from "../replay/minimised-run.ts";
import { savedRunsAt, type SavedRun } from "../replay/saved-runs.ts";

export interface MinimizeFlags {
  readonly runs?: number;
  readonly json?: true;
}

export async function minimize(path: string, flags: MinimizeFlags): Promise<ExitStatus> {
  const saved = savedRunsAt(path);
  const line = progressLine();
  using interrupt = watchInterrupt(() => {
    line.end();
    note("aspace: stopping; the smallest so far is kept");
  });
  const { signal } = interrupt;
  const runs: MinimisedRun[] = [];
  let refused: ExitStatus | null = null;
  for (const run of saved) {
    if (signal.aborted) break;
    try {
      const minimised = await watchedSearch(run, flags, signal, line);
      runs.push(minimised);
      if (!flags.json) print(saved.length === 1 ? fullText(minimised) : shortText(minimised));
    } catch (error) {
      // In a folder, one that cannot be read must not hide the others.
      if (!(error instanceof Refusal) || saved.length === 1) throw error;
      note(`aspace: ${error.message}`);
      refused = error.status;
    }
  }
  const failing = runs.filter(({ outcome }) => outcome !== "passed").length;
  const interrupted = signal.aborted;
  if (flags.json) {
    printJson({ schemaVersion: 1, failing, interrupted, minimized: runs.map(describe) });
  }
  if (interrupted) return ExitStatus.INTERRUPTED;
  return refused ?? (failing === 0 ? ExitStatus.CLEAN : ExitStatus.FINDINGS);
}

async function watchedSearch(
  run: SavedRun,
  { runs }: MinimizeFlags,
  signal: AbortSignal,
  line: ProgressLine,
): Promise<MinimisedRun> {
  let isAnnounced = false;
  const onProgress = (smallest: Smallest): void => {
    if (!isAnnounced) note(`minimising ${nameOf(run)}; Ctrl-C keeps the smallest so far`);
    isAnnounced = true;
    if (!signal.aborted) line.update(smallestText(smallest));
  };
  try {
    return await minimiseRun(run, runs, { signal, onProgress });
  } finally {
    line.end();
  }
}

const nameOf = ({ path }: Pick<SavedRun, "path">): string => shortPath(path);

function describe({ path, outcome, file, smallest, failure }: MinimisedRun): object {
  if (failure === null) return { path, outcome, failure };
  const { trace, ...described } = failure;
  const lines = trace === "" ? [] : trace.trimEnd().split("\n");
  const numbers =
    smallest === null
      ? {}
      : {
          file,
          operations: smallest.operations,
          from: smallest.from,
          runs: smallest.runs,
          complete: smallest.isComplete,
          unrepeated: smallest.unrepeated,
        };
  const parsed = lines.map((text) => JSON.parse(text) as unknown);
  return { path, outcome, ...numbers, failure: described, trace: parsed };
}

/** The operations that are left, what they lead to, and where they are now. */
function fullText(run: MinimisedRun): string {
  const { smallest, failure } = run;
  if (smallest === null || failure === null) return shortText(run);
  const detail = paragraph(detailOf(failure), { indent: 4, columns: columnsOf(process.stdout) });
  return [
    operationList(failure.trace),
    "",
    `${brokenTitle(failure)}\n  ${detail}`,
    "",
    summaryText(run),
  ].join("\n");
}

function shortText(run: MinimisedRun): string {
  const path = nameOf(run);
  switch (run.outcome) {
    case "passed":
      return `${paint("green", marks.good)} ${path}: does not fail any more`;
    case "no-trace":
      return `${paint("yellow", marks.warning)} ${path}: has no operation list, nothing to leave out`;
    case "stopped":
      return `${paint("yellow", marks.warning)} ${path}: interrupted before it had failed twice`;
    case "nondeterministic":
      return `${paint("red", marks.bad)} ${path}: nondeterministic: it failed, and then did not (F-20)`;
    case "different":
      return `${brokenTitle(run.failure!)} (another defect than the saved one): ${path}`;
    case "minimised":
      return `${paint("red", marks.bad)} ${path}: ${summaryText(run)}`;
  }
}

const brokenTitle = (failure: Failure): string => paint("red", `${marks.bad} ${titleOf(failure)}`);

function summaryText({ smallest, file }: MinimisedRun): string {
  const { operations, from, runs, isComplete, unrepeated } = smallest!;
  const rest = isComplete ? "" : "; there may be a smaller one";
  const flaky =
    unrepeated === 0 ? "" : `; ${counted(unrepeated, "smaller one")} failed only once (F-22)`;
  const kept = `${count(operations)} of ${counted(from, "operation")} are enough`;
  return `${kept} (${counted(runs, "run")}${rest}${flaky}), in ${shortPath(file)}`;
}
