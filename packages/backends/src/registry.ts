import type { Architecture } from "@aspace/arch";
import { arm64 } from "@aspace/arch-arm64";
import { x86_64, x86_64La57 } from "@aspace/arch-x86-64";

/** Every backend of this repository, one line each: adding one is a package and a line here. */
export const BACKENDS: readonly Architecture[] = [
  x86_64, //
  x86_64La57,
  arm64,
];

/** The backend that users call `name`, if there is one. */
export function findBackend(name: string): Architecture | undefined {
  return BACKENDS.find((backend) => backend.name === name);
}
