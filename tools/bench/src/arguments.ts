import { parseArgs } from "node:util";
import { GROUPS, type Group } from "./row.ts";

export interface BenchArguments {
  /** Null: all groups. */
  readonly only: Group | null;
  readonly json: boolean;
  readonly help: boolean;
}

/** Words on the command line that mean nothing. */
export class BadUsage extends Error {}

export const USAGE: string = `Usage: node src/main.ts [--only GROUP] [--json]

Page-table operations beside a native C reference, as ratios.

  --only GROUP  ${GROUPS.join(", ")}; all of them without it
  --json        print one JSON document instead of a table
  -h, --help    print this
`;

/** Throws `BadUsage` with one line that says what is wrong. */
export function parseArguments(words: readonly string[]): BenchArguments {
  const { only, json, help } = parse(words);
  const group = GROUPS.find((name) => name === only);
  if (only !== undefined && group === undefined) {
    throw new BadUsage(`there is no group ${only}; there are ${GROUPS.join(", ")}`);
  }
  return { only: group ?? null, json, help };
}

function parse(words: readonly string[]): { only?: string; json: boolean; help: boolean } {
  try {
    return parseArgs({
      args: [...words],
      options: {
        only: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new BadUsage((error as Error).message.split(". ")[0]!);
  }
}
