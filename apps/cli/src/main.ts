/** The `aspace` command. */
import { failureStatus, reportInternalError } from "./failure.ts";
import { handleBrokenStreams } from "./output/terminal.ts";
import { createProgram } from "./program.ts";

handleBrokenStreams();
const words = process.argv.slice(2);
const debug = words.includes("--debug");
process.on("uncaughtException", (error) => process.exit(reportInternalError(error, { debug })));

try {
  await createProgram().parseAsync(words.length === 0 ? ["--help"] : words, { from: "user" });
} catch (error) {
  process.exitCode = failureStatus(error, { debug });
}
