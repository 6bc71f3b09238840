import type { Architecture } from "@aspace/arch";
import { findBackend } from "@aspace/backends";
import { bytesPerPage } from "./allocation.ts";
import { NativeReference, compilerVersion } from "./native-reference.ts";
import { describeHost, type Report, type ReportRow } from "./report.ts";
import { PASSES, readOurs, runRounds } from "./rounds.ts";
import { ROWS, type Group, type Row } from "./row.ts";
import { World } from "./world.ts";

/** The architectures in the goals. */
const ARCHITECTURES = ["x86-64", "arm64"] as const;

/** Readings before the first round, for the engine's compilers. */
const WARM_UP_READINGS = 3;

/** Measures every row, or those of one group, on each architecture. `onRow` is told as they come. */
export async function bench(
  only: Group | null,
  onRow: (row: ReportRow) => void = () => {},
): Promise<Report> {
  const compiler = compilerVersion();
  const reference = compiler === null ? null : new NativeReference();
  const rows: ReportRow[] = [];
  try {
    for (const row of ROWS.filter(({ group }) => only === null || group === only)) {
      for (const name of ARCHITECTURES) {
        const measured = await measure(row, findBackend(name)!, reference);
        rows.push(measured);
        onRow(measured);
      }
    }
  } finally {
    reference?.close();
  }
  return { schemaVersion: 1, machine: describeHost(compiler), rows };
}

/** One row on one architecture, in a world of its own. */
async function measure(
  row: Row,
  architecture: Architecture,
  reference: NativeReference | null,
): Promise<ReportRow> {
  const workload = row.createWorkload(new World(architecture));
  for (let i = 0; i < WARM_UP_READINGS; i++) readOurs(workload);
  const outcome = await runRounds({
    ours: () => readOurs(workload),
    reference: reference === null ? null : () => reference.read(row.reference, PASSES),
  });
  return {
    name: row.name,
    group: row.group,
    arch: architecture.name,
    ours_ns: outcome.oursNs,
    reference_ns: outcome.referenceNs,
    ratio: outcome.ratio,
    goal_ratio: row.goalRatio,
    bytes: bytesPerPage(workload),
    rounds_kept: outcome.roundsKept,
    rounds_dropped: outcome.roundsDropped,
  };
}
