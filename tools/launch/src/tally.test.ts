import { expect, test } from "vitest";
import { tally } from "./tally.mjs";

const report =
  (numPassedTests: number, numFailedTests = 0, numPendingTests = 0) =>
  () => ({
    numPassedTests,
    numFailedTests,
    numPendingTests,
    numTodoTests: 0,
  });
const noReport = () => undefined;

function task(name: string, exitCode?: number) {
  const [directory = "", kind = ""] = name.split("#");
  const execution = exitCode === undefined ? {} : { execution: { exitCode } };
  return { taskId: name, task: kind, command: "run", directory, ...execution };
}

test("a member's tests count one by one, any other task counts as one", () => {
  const tasks = [task("arch#build", 0), task("arch#test", 0), task("//#lint", 0)];
  expect(tally(tasks, report(12))).toEqual({ passed: 14, failed: 0, failures: [] });
});

test("failed tests and failed tasks are failures, and named", () => {
  const tasks = [task("arch#test", 1), task("arch#typecheck", 2)];
  expect(tally(tasks, report(12, 3))).toEqual({
    passed: 12,
    failed: 4,
    failures: ["arch#test: 3 tests failed, 0 did not run", "arch#typecheck: exit 2"],
  });
});

test("a skipped test did not pass", () => {
  expect(tally([task("arch#test", 0)], report(12, 0, 2))).toMatchObject({ passed: 12, failed: 2 });
});

test("a test run that fails without a failed test is a failure of its own", () => {
  expect(tally([task("arch#test", 1)], report(12))).toMatchObject({ passed: 12, failed: 1 });
  expect(tally([task("arch#test", 1)], noReport)).toMatchObject({ passed: 0, failed: 1 });
});

test("a task that never ran is a failure, a script nobody has is nothing", () => {
  const missing = { ...task("arch#sources", 0), command: "<NONEXISTENT>" };
  expect(tally([task("pack#test"), missing], noReport)).toEqual({
    passed: 0,
    failed: 1,
    failures: ["pack#test: did not run to its end"],
  });
});
