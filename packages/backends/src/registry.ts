import type { Architecture } from "@aspace/arch";
import { arm64 } from "@aspace/arch-arm64";
import { x86_64, x86_64La57 } from "@aspace/arch-x86-64";

/** Every built-in backend, one line each. Adding one is a package and a line here. */
export const BACKENDS: readonly Architecture[] = [x86_64, x86_64La57, arm64];

/** The names of the built-in backends, in registry order. */
export const BACKEND_NAMES: readonly string[] = BACKENDS.map(({ name }) => name);

/** The built-in backend with this name, or null. */
export function findBackend(name: string): Architecture | null {
  return BACKENDS.find((backend) => backend.name === name) ?? null;
}
