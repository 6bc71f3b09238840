/** Packages whose functions may be to blame. Oracles and targets are not among them. */
const UNDER_TEST = /\/packages\/(?:arch|machine|page-table|arch-x86-64|arch-arm64|vm|kernel)\//;

/**
 * The innermost function of the packages under test on an error's stack, or "" when only an oracle
 * was running: part of a finding's fingerprint, so no lines and no numbers (F-18).
 */
export function innermostFrame(error: unknown): string {
  if (!(error instanceof Error) || error.stack === undefined) return "";
  for (const line of error.stack.split("\n")) {
    if (!UNDER_TEST.test(line) || line.includes("kernel-panic")) continue;
    const name = /^\s*at (?:new )?(?:async )?([\w.#$<>]+) /.exec(line)?.[1];
    if (name !== undefined) return name.replace(/^.*\./, "");
  }
  return "";
}
