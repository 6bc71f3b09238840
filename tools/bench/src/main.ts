/** Prints how fast page-table operations are beside a native C reference. */
import { BadUsage, USAGE, parseArguments, type BenchArguments } from "./arguments.ts";
import { bench } from "./bench.ts";
import { formatReport } from "./report.ts";
import { UnsteadyHost } from "./rounds.ts";

const USAGE_ERROR = 2;
const CANNOT_RUN = 3;

try {
  await run(parseArguments(process.argv.slice(2)));
} catch (error) {
  if (error instanceof BadUsage) refuse(error.message, USAGE_ERROR);
  else if (error instanceof UnsteadyHost) refuse(error.message, CANNOT_RUN);
  else throw error;
}

async function run({ only, json, help }: BenchArguments): Promise<void> {
  if (help) {
    process.stdout.write(USAGE);
    return;
  }
  const report = await bench(only, ({ name, arch }) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${name}, ${arch}`);
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
}

function refuse(why: string, status: number): void {
  process.stderr.write(`bench: ${why}\n`);
  process.exitCode = status;
}
