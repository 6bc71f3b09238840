/** `aspace replay PATH`: saved findings and traces, run again. */
import { ExitStatus } from "../exit-status.ts";
import { commandLine } from "../invocation.ts";
import { detailOf, titleOf } from "../output/broken-rule.ts";
import { marks } from "../output/marks.ts";
import { operationList } from "../output/operation-list.ts";
import { paragraph } from "../output/paragraph.ts";
import { shortPath } from "../output/path.ts";
import { counted } from "../output/quantity.ts";
import { columnsOf, note, paint, print, printJson } from "../output/terminal.ts";
import { Refusal } from "../refusal.ts";
import { replayRun, type ReplayedRun } from "../replay/replayed-run.ts";
import { savedRunsAt } from "../replay/saved-runs.ts";

export interface ReplayFlags {
  readonly json?: true;
}

export async function replay(path: string, flags: ReplayFlags): Promise<ExitStatus> {
  const saved = savedRunsAt(path);
  const runs: ReplayedRun[] = [];
  let refused: ExitStatus | null = null;
  for (const run of saved) {
    try {
      const replayed = await replayRun(run);
      runs.push(replayed);
      if (!flags.json) print(saved.length === 1 ? fullText(replayed) : shortText(replayed));
    } catch (error) {
      // In a folder, one that cannot be read must not hide the others.
      if (!(error instanceof Refusal) || saved.length === 1) throw error;
      note(`aspace: ${error.message}`);
      refused = error.status;
    }
  }
  const failing = runs.filter(({ outcome }) => outcome !== "passed").length;
  if (flags.json) {
    const unreadable = saved.length - runs.length;
    printJson({ schemaVersion: 1, failing, unreadable, replays: runs.map(describe) });
  } else if (saved.length > 1) print(totalText(runs, failing));
  return refused ?? (failing === 0 ? ExitStatus.CLEAN : ExitStatus.FINDINGS);
}

function describe({ path, outcome, failure, trace }: ReplayedRun): object {
  const lines = trace === null ? [] : trace.trimEnd().split("\n");
  return { path, outcome, failure, trace: lines.map((line) => JSON.parse(line) as unknown) };
}

/** The operations, then the first check that failed. */
function fullText(run: ReplayedRun): string {
  if (run.trace === null) note(`aspace: ${run.path} has no operation list; its input was run`);
  const operations = run.trace === null ? [] : [operationList(run.trace), ""];
  return [...operations, verdict(run)].join("\n");
}

function verdict({ outcome, failure }: ReplayedRun): string {
  if (failure === null) return paint("green", `${marks.good} No check failed.`);
  const other = outcome === "different" ? " (another defect than the saved one)" : "";
  const title = `${marks.bad} ${titleOf(failure)}${other}`;
  const detail = paragraph(detailOf(failure), { indent: 4, columns: columnsOf(process.stdout) });
  return `${paint("red", title)}\n  ${detail}`;
}

function shortText({ path, outcome, failure }: ReplayedRun): string {
  const text = failure === null ? "passed" : titleOf(failure);
  const mark = failure === null ? paint("green", marks.good) : paint("red", marks.bad);
  const other = outcome === "different" ? ", another defect than the saved one" : "";
  return `${mark} ${shortPath(path)}: ${text}${other}`;
}

function totalText(runs: readonly ReplayedRun[], failing: number): string {
  const total = `\n${counted(runs.length, "run")} replayed, ${failing} failing`;
  const first = runs.find(({ outcome }) => outcome !== "passed");
  if (first === undefined) return total;
  return `${total}; see the operations of one:\n  ${commandLine("replay", shortPath(first.path))}`;
}
