/**
 * Counts what a run of checks did: every test of every member, and every other task (a build, a type check, the lint)
 * as one check. What did not run did not pass.
 */

/**
 * A task as turbo's run summary tells it. A cached task has the exit status of the run that was cached.
 * @typedef {object} Task
 * @property {string} taskId `@aspace/arch#test`
 * @property {string} task `test`
 * @property {string} command what it ran; `<NONEXISTENT>` for a member that has no such script
 * @property {string} directory from the root
 * @property {{ readonly exitCode?: number | null }} [execution] absent when a task it depends on failed
 */

/**
 * The part of a vitest report that is counted.
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests skipped ones
 * @property {number} numTodoTests
 */

/**
 * @typedef {object} Tally
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} failures one line for each task that failed
 */

/**
 * @param {readonly Task[]} tasks
 * @param {(directory: string) => Report | undefined} reportOf the report this run left in a member's folder
 * @returns {Tally}
 */
export function tally(tasks, reportOf) {
  const total = { passed: 0, failed: 0, failures: /** @type {string[]} */ ([]) };
  for (const task of tasks) {
    if (task.command === "<NONEXISTENT>") continue;
    const { passed, failed, failure } = countTask(task, reportOf);
    total.passed += passed;
    total.failed += failed;
    if (failed > 0) total.failures.push(`${task.taskId}: ${failure}`);
  }
  return total;
}

/**
 * @param {Task} task
 * @param {(directory: string) => Report | undefined} reportOf
 */
function countTask(task, reportOf) {
  const status = task.execution?.exitCode;
  const report = task.task === "test" ? reportOf(task.directory) : undefined;
  if (status === undefined || status === null)
    return { passed: 0, failed: 1, failure: "did not run to its end" };
  if (report === undefined)
    return {
      passed: status === 0 ? 1 : 0,
      failed: status === 0 ? 0 : 1,
      failure: `exit ${status}`,
    };
  const idle = report.numPendingTests + report.numTodoTests;
  const failed = report.numFailedTests + idle;
  const passed = report.numPassedTests;
  if (failed === 0 && status !== 0)
    return { passed, failed: 1, failure: `exit ${status} though no test failed` };
  return { passed, failed, failure: `${report.numFailedTests} tests failed, ${idle} did not run` };
}
