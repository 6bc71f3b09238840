/**
 * The workspace on a host that has Node 20 and npm and nothing else.
 *
 * The pnpm that installs it is named in the root's package.json and comes through npx; the Node that runs it comes with
 * the install. Until then only plain JavaScript can run, so this folder has no dependencies and no types to strip.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The `aspace` command's exit status for "something is missing here"; pnpm's own would read as "findings". */
const CANNOT_RUN = 3;

/** The Node that the workspace brings; absent before the first install. */
export const OUR_NODE = join(ROOT, "node_modules/.bin/node");

/** For the programs that pnpm starts: turbo reports home unless told not to, vitest colours what goes into a file. */
export const ENVIRONMENT = {
  ...process.env,
  ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
  TURBO_TELEMETRY_DISABLED: "1",
};

/**
 * The command line that runs the workspace's own pnpm.
 * @param {readonly string[]} args
 * @returns {[command: string, ...args: string[]]}
 */
export function pnpm(...args) {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  // `npm run -s` silences every npm below it, and with it the reason why pnpm could not be had.
  return ["npx", "--yes", "--prefer-offline", "--loglevel=error", manifest.packageManager, ...args];
}

/**
 * Whether what is installed is what the lockfile says. pnpm leaves a copy of the lockfile behind when it has finished,
 * and our Node is the last thing an install brings.
 * @param {string} root
 */
export function isInstalled(root) {
  const installed = join(root, "node_modules/.pnpm/lock.yaml");
  if (!existsSync(installed) || !existsSync(join(root, "node_modules/.bin/node"))) return false;
  return readFileSync(installed).equals(readFileSync(join(root, "pnpm-lock.yaml")));
}

/**
 * Installs what is missing. Everything said on the way goes to stderr: stdout belongs to the command that follows.
 * @returns {number} the exit status; 0 when there is nothing left to do
 */
export function install() {
  if (isInstalled(ROOT)) return 0;
  process.stderr.write("aspace: installing the workspace, once; this takes a minute\n");
  const progress = process.stderr.isTTY ? [] : ["--loglevel=error"];
  const [command, ...args] = pnpm("install", "--frozen-lockfile", ...progress);
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (error !== undefined)
    process.stderr.write(`aspace: cannot run ${command}: ${error.message}\n`);
  if (status === 0) return 0;
  process.stderr.write("aspace: the install failed, so nothing was run\n");
  return CANNOT_RUN;
}
