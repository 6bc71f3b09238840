import type { Architecture } from "@aspace/arch";
import { BACKEND_NAMES, findBackend } from "@aspace/backends";
import { badInput } from "./refusal.ts";

/** The registered architecture of this name, in any case. */
export function architectureNamed(name: string): Architecture {
  const found = findBackend(name.toLowerCase());
  if (found !== null) return found;
  throw badInput(`unknown architecture '${name}'; there is: ${BACKEND_NAMES.join(", ")}`);
}
