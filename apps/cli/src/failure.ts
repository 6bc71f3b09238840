/** What ends the command early, as one line and an exit status. */
import { CommanderError } from "commander";
import { ExitStatus } from "./exit-status.ts";
import { commandLine } from "./invocation.ts";
import { note } from "./output/terminal.ts";
import { Refusal } from "./refusal.ts";

export interface FailureOptions {
  /** Print the stack of our own defects. */
  readonly debug: boolean;
}

/** Says what went wrong, unless that has been said already, and answers the exit status. */
export function failureStatus(error: unknown, options: FailureOptions): ExitStatus {
  if (error instanceof CommanderError) {
    // Commander throws after printing help or version, too.
    return error.exitCode === 0 ? ExitStatus.CLEAN : ExitStatus.USAGE;
  }
  if (error instanceof Refusal) {
    note(`aspace: ${error.message}`);
    if (error.status === ExitStatus.INTERNAL) note(bugText());
    return error.status;
  }
  return reportInternalError(error, options);
}

export function reportInternalError(error: unknown, { debug }: FailureOptions): ExitStatus {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  note(`aspace: internal error: ${text.split("\n", 1)[0]}`);
  note(bugText());
  if (debug && error instanceof Error) note(error.stack ?? "");
  return ExitStatus.INTERNAL;
}

function bugText(): string {
  return (
    "This is our bug. Please open an issue with this line, the command you gave and the output " +
    `of \`${commandLine("doctor")}\`; --debug adds the stack.`
  );
}
