import type { Architecture } from "@aspace/arch";
import { BACKENDS, findBackend } from "@aspace/backends";
import { badInput } from "./refusal.ts";

/** The registered architecture of this name, in any case. */
export function architectureNamed(name: string): Architecture {
  const found = findBackend(name.toLowerCase());
  if (found !== undefined) return found;
  const known = BACKENDS.map((architecture) => architecture.name).join(", ");
  throw badInput(`unknown architecture '${name}'; there is: ${known}`);
}
