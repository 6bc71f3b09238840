/** A backend in a module from outside the repository. */
import type { Architecture } from "@aspace/arch";
import { BACKENDS, validateArchitecture } from "@aspace/backends";
import { badInput } from "../refusal.ts";

/** What a module that wraps or compares with a built-in backend is given. */
export interface BackendSurroundings {
  /** The registered backends by name. */
  readonly backends: Readonly<Record<string, Architecture>>;
}

/**
 * Imports the module at `url` and answers the `Architecture` it exports as default, or makes with
 * the function it exports. Refuses, in one line that begins with `path`, what throws or is no
 * architecture.
 */
export async function loadForeignBackend(url: string, path: string): Promise<Architecture> {
  const made = await makeBackend(url, path);
  const checked = validateArchitecture(made);
  if (!Array.isArray(checked)) return checked;
  const others = checked.length > 1 ? ` (and ${checked.length - 1} more)` : "";
  throw badInput(`${path}: not an Architecture: ${checked[0]}${others}`);
}

async function makeBackend(url: string, path: string): Promise<unknown> {
  try {
    const { default: exported } = (await import(url)) as { readonly default?: unknown };
    if (typeof exported !== "function") return exported;
    const backends = Object.fromEntries(BACKENDS.map((backend) => [backend.name, backend]));
    return await (exported as (around: BackendSurroundings) => unknown)({ backends });
  } catch (error) {
    throw badInput(`${path}: does not load: ${oneLine(error)}`);
  }
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.split("\n", 1)[0]!;
}
