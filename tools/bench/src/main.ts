/** Prints how fast page-table operations are beside a native C reference. */
import { BadUsage, USAGE, parseArguments, type BenchArguments } from "./arguments.ts";
import { bench } from "./bench.ts";
import { formatReport } from "./report.ts";

const USAGE_ERROR = 2;

try {
  await run(parseArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof BadUsage)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = USAGE_ERROR;
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
