import { ExitStatus } from "./exit-status.ts";

/** The command will not go on, and that is not its own defect. The message is one line for the user. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the user gave makes no sense: a flag's value, a file, a name. */
export function badInput(message: string): Refusal {
  return new Refusal(ExitStatus.USAGE, message);
}

/** The request is fine, but this machine cannot do it. */
export function cannotRun(message: string): Refusal {
  return new Refusal(ExitStatus.CANNOT_RUN, message);
}
