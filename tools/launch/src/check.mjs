/**
 * `npm test`: everything that must hold, in one run, and a last line that counts it.
 *
 * turbo orders the tasks and replays from its cache what nothing has changed since. It does not stop at the first
 * failure: one run tells all.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runInOurPlace } from "./child.mjs";
import { tally } from "./tally.mjs";
import { ENVIRONMENT, install, pnpm, ROOT } from "./workspace.mjs";

const TASKS = ["build", "test", "typecheck", "//#lint", "//#format"];
const SUMMARIES = join(ROOT, ".turbo/runs");
const REPORT = "reports/tests.json";

const failure = install();
if (failure !== 0) process.exit(failure);

forgetEarlierRuns();
const status = await runInOurPlace(
  pnpm(
    "exec",
    "turbo",
    "run",
    ...TASKS,
    "--continue=dependencies-successful",
    "--log-order=grouped",
    "--output-logs=new-only",
    "--summarize",
  ),
  { cwd: ROOT, env: ENVIRONMENT },
);
const { passed, failed, failures } = tally(tasksOfThisRun(), reportOf);
for (const line of failures) console.log(`failed: ${line}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = status === 0 && failed > 0 ? 1 : status;

/** A report that a crashed run did not write must not be an old one. What is cached comes back with its report. */
function forgetEarlierRuns() {
  rmSync(SUMMARIES, { recursive: true, force: true });
  for (const layer of ["packages", "apps", "tools"])
    for (const member of readdirSync(join(ROOT, layer)))
      rmSync(join(ROOT, layer, member, REPORT), { force: true });
}

/** @returns {import("./tally.mjs").Task[]} none when turbo could not even start */
function tasksOfThisRun() {
  if (!existsSync(SUMMARIES)) return [];
  return readdirSync(SUMMARIES).flatMap((file) => readJson(join(SUMMARIES, file)).tasks);
}

/** @param {string} directory */
function reportOf(directory) {
  const path = join(ROOT, directory, REPORT);
  return existsSync(path) ? readJson(path) : undefined;
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
