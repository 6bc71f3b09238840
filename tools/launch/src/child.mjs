/**
 * Runs another program in our place: same terminal, same exit status, same signals.
 *
 * Ctrl-C reaches the whole process group of a terminal: the child has it before we do, and npm, if it started us, sends
 * us a copy of its own. Handing any of these on would look to the child like a second, impatient Ctrl-C. Without a
 * terminal nobody but us hears a signal that was sent to npm or to us, and then we do hand it on.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** @type {NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * @param {readonly [command: string, ...args: string[]]} commandLine
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<number>} the child's exit status; 128 + n when signal n ended it
 */
export function runInOurPlace([command, ...args], options) {
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const child = spawn(command, args, { stdio: "inherit", ...options });
  /** @param {NodeJS.Signals} signal */
  const onSignal = (signal) => {
    if (!(hasTerminal && signal === "SIGINT")) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, killer) => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      resolve(killer === null ? (status ?? 1) : 128 + constants.signals[killer]);
    });
  });
}
