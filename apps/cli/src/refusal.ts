import { ExitStatus } from "./exit-status.ts";

/** The command will not go on, for a reason it knows. The message is one line for the user. */
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
