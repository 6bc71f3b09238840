/** `npm run -s pnpm -- ARGS`: the workspace's own pnpm, on a host that has none. */
import { runInOurPlace } from "./child.mjs";
import { ENVIRONMENT, pnpm, ROOT } from "./workspace.mjs";

process.exitCode = await runInOurPlace(pnpm(...process.argv.slice(2)), {
  cwd: ROOT,
  env: ENVIRONMENT,
});
