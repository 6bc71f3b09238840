/** The `aspace` command from a clone: installs what is missing, then runs the sources on the workspace's own Node. */
import { join } from "node:path";
import { runInOurPlace } from "./child.mjs";
import { install, OUR_NODE, ROOT } from "./workspace.mjs";

const failure = install();
if (failure !== 0) process.exit(failure);

process.exitCode = await runInOurPlace(
  [OUR_NODE, join(ROOT, "apps/cli/src/main.ts"), ...process.argv.slice(2)],
  // npm runs scripts at the root; paths on the command line are relative to where the user stands.
  { cwd: process.env["INIT_CWD"] ?? process.cwd() },
);
