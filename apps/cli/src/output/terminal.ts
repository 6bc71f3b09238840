/**
 * The two streams. Results go to stdout and nowhere else; progress, warnings and errors go to
 * stderr, so that `aspace … --json | jq` always reads one document.
 */
import { styleText } from "node:util";
import { ExitStatus } from "../exit-status.ts";

type Style = Parameters<typeof styleText>[0];

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON document, the whole of stdout. Addresses in it are "0x…" strings already. */
export function printJson(document: object): void {
  print(JSON.stringify(document, null, 2));
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Styled when stdout is a terminal that wants colour (NO_COLOR, FORCE_COLOR, TERM=dumb). */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Columns of the terminal. A pipe or a file has no edge: there, one thing stays one line. */
export function columnsOf(stream: NodeJS.WriteStream): number {
  // A terminal without a size (a recording, some CI) reports none, or 0.
  return stream.columns > 0 ? stream.columns : Number.POSITIVE_INFINITY;
}

/**
 * What a stream that breaks means for the command. A reader that has seen enough (`| head`) and a
 * closed terminal are no errors: what was asked for is still done. A result that cannot be written
 * (a full disk) is lost, and the command says so. Progress that cannot be written is not missed.
 */
export function handleBrokenStreams(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || error.code === "EIO") return;
    note(`aspace: the result cannot be written: ${error.message}`);
    process.exit(ExitStatus.CANNOT_RUN);
  });
}
