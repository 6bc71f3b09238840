/** Another program's run: its exit status and everything it said. */
import { execFile } from "node:child_process";

export type Run = { readonly status: number; readonly output: string };

/** Runs a program to its end. A program that cannot be started rejects; one that fails is a result. */
export function run(command: string, args: readonly string[], cwd: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, env: quietEnvironment() }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ status: Number(error?.code ?? 0), output: stdout + stderr });
    });
  });
}

/** pnpm hands its settings down as `npm_config_*`, and npm would warn of each one it does not know. */
function quietEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^p?npm_config_/i.test(name)),
  );
}
