/** Two outside opinions on a tarball: is it put together right, and do its types match its code? */
import { fileURLToPath } from "node:url";
import { type Run, run } from "./program.ts";

const BIN = fileURLToPath(new URL("../node_modules/.bin/", import.meta.url));

/** Warnings and suggestions count as failures. */
export function publint(tarball: string): Promise<Run> {
  return run(`${BIN}publint`, ["run", tarball, "--strict"], BIN);
}

/** For ES modules under Node and bundlers; what `require` would see is nobody's concern here. */
export function areTheTypesWrong(tarball: string): Promise<Run> {
  return run(`${BIN}attw`, ["--profile", "esm-only", tarball], BIN);
}
