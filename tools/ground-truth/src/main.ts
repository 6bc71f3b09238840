/** Hunts every planted defect, or those named, and prints the table. */
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { DEFECTS } from "./defects/index.ts";
import type { Defect } from "./defect.ts";
import { hunt, type Catch } from "./hunt.ts";
import { resultTable, type Result } from "./result-table.ts";
import { ScratchTree, currentCommit } from "./scratch-tree.ts";

interface Flags {
  readonly only?: readonly string[];
  readonly time: string;
  readonly seeds: string;
  readonly write?: string;
}

const program = new Command("ground-truth")
  .description("Plants known defects in a copy of the sources and lets the fuzzer look for them.")
  .option("--only <ids...>", "these defects only")
  .option("--time <seconds>", "limit of each campaign", "60")
  .option("--seeds <list>", "seeds, with commas", "1")
  .option("--write <file>", "write the table there as well")
  .addHelpText(
    "after",
    "\nExamples:\n  ground-truth --only O-01 O-07\n  ground-truth --seeds 1,2,3 --write tools/ground-truth/GROUND-TRUTH.md",
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse();

const flags = program.opts<Flags>();
const seconds = Number(flags.time);
const seeds = flags.seeds.split(",").map(Number);
if (!(seconds >= 1) || seeds.some((seed) => !(seed >= 1))) {
  program.error("ground-truth: --time and --seeds take whole numbers of at least 1", {
    exitCode: 2,
  });
}
const unknown = flags.only?.find((id) => !DEFECTS.some((defect) => defect.id === id));
if (unknown !== undefined)
  program.error(`ground-truth: no defect is called ${unknown}`, { exitCode: 2 });

const tree = new ScratchTree();
const results: Result[] = [];
try {
  for (const defect of DEFECTS.filter(({ id }) => flags.only?.includes(id) ?? true)) {
    const catches = await tree.withDefect(defect, () => huntWithEachSeed(defect));
    results.push({ defect, catches });
  }
} finally {
  tree.remove();
}
const command = `npm run -s pnpm -- -F @aspace/ground-truth exec node src/main.ts ${process.argv.slice(2).join(" ")}`;
const table = resultTable(results, {
  command: command.trim(),
  commit: currentCommit(),
  seconds,
  seeds,
});
process.stdout.write(table);
if (flags.write !== undefined) writeFileSync(flags.write, table);
process.exitCode = results.every(({ catches }) => catches.every(({ kind }) => kind === "found"))
  ? 0
  : 1;

async function huntWithEachSeed(defect: Defect): Promise<Catch[]> {
  const catches: Catch[] = [];
  for (const seed of seeds) {
    const result = await hunt(defect, { root: tree.root, seconds, seed });
    process.stderr.write(`${defect.id} seed ${seed}: ${describe(result)}\n`);
    catches.push(result);
  }
  return catches;
}

function describe(result: Catch): string {
  if (result.kind === "refused") return `cannot run: ${result.reason}`;
  const spent = `${result.runs} runs, ${result.seconds.toFixed(1)} s`;
  if (result.kind === "missed") return `missed after ${spent}`;
  return `${result.rule} after ${result.operation}, ${spent}: ${result.message}`;
}
