/** A trace that cannot be read or played: one line that names place, field and what was expected. */
export class UnreadableTrace extends Error {
  /** Counted from 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = "UnreadableTrace";
    this.line = line;
  }
}
