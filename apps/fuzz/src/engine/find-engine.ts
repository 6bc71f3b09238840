/** Where the fuzz engine is installed. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

/** File URL of the engine's main module, `null` if it is not installed. */
export function findEngine(): string | null {
  try {
    return pathToFileURL(require.resolve("@jazzer.js/core")).href;
  } catch {
    return null;
  }
}
