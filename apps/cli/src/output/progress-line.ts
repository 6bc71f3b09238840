import { createLogUpdate } from "log-update";
import { marks } from "./marks.ts";
import { columnsOf, note } from "./terminal.ts";

/** Time between two lines where lines stay: in a log of an hour, sixty of them. */
const PLAIN_EVERY_MS = 60_000;

/** Where a long job says how far it is: always stderr. */
export interface ProgressLine {
  /** The latest state, as often as one likes. */
  update(text: string): void;
  /** Removes the live line; lines of a log stay. */
  end(): void;
}

/** One line that changes on a terminal; otherwise a line every minute. */
export function progressLine(now: () => number = Date.now): ProgressLine {
  const isLive = process.stderr.isTTY && process.env["TERM"] !== "dumb";
  return isLive ? liveLine() : plainLines(now);
}

function liveLine(): ProgressLine {
  const line = createLogUpdate(process.stderr, { showCursor: true });
  return {
    update: (text) => line(shorten(text, columnsOf(process.stderr) - 1)),
    end: () => line.clear(),
  };
}

function plainLines(now: () => number): ProgressLine {
  let last = now();
  return {
    update(text) {
      if (now() - last < PLAIN_EVERY_MS) return;
      last = now();
      note(text);
    },
    end() {},
  };
}

function shorten(text: string, columns: number): string {
  if (text.length <= columns) return text;
  return text.slice(0, columns - marks.ellipsis.length) + marks.ellipsis;
}
