/** `aspace doctor`: what is here, what is missing, how to get it. */
import { type Check, stopsTheMainJob } from "../doctor/check.ts";
import { checkEngine } from "../doctor/engine.ts";
import { checkPrograms } from "../doctor/programs.ts";
import { checkSystem } from "../doctor/system.ts";
import { ExitStatus } from "../exit-status.ts";
import { commandLine } from "../invocation.ts";
import { marks } from "../output/marks.ts";
import { formatTable } from "../output/table.ts";
import { columnsOf, paint, print, printJson } from "../output/terminal.ts";

export interface DoctorFlags {
  readonly json?: true;
}

export async function doctor(flags: DoctorFlags): Promise<ExitStatus> {
  const checks = [...checkSystem(process.cwd()), await checkEngine(), ...checkPrograms()];
  const canRun = !checks.some(stopsTheMainJob);
  if (flags.json) printJson({ schemaVersion: 1, canRun, checks });
  else printReport(checks, canRun);
  return canRun ? ExitStatus.CLEAN : ExitStatus.CANNOT_RUN;
}

function printReport(checks: readonly Check[], canRun: boolean): void {
  const rows = checks.map((check) => [stateOf(check), check.title, check.detail]);
  print(formatTable(rows, { indent: 0, columns: columnsOf(process.stdout) }));

  const remedies = checks.filter(({ remedy }) => remedy !== null);
  if (remedies.length > 0) {
    print("\nTo get the rest (package names of Debian and Ubuntu):");
    const lines = remedies.map((check) => [check.title, check.remedy!, check.purpose]);
    print(formatTable(lines, { indent: 2, columns: columnsOf(process.stdout) }));
  }
  print(
    canRun
      ? `\nThe main job can run: ${commandLine("fuzz", "arch", "--time", "60")}`
      : paint("red", "\nThe main job cannot run here; see what is missing above."),
  );
}

function stateOf({ state, need }: Check): string {
  if (state === "ok") return paint("green", `${marks.good} ok`);
  if (state === "warning") return paint("yellow", `${marks.warning} warning`);
  if (need === "optional") return `${marks.none} absent`;
  return paint("red", `${marks.bad} missing`);
}
