import type { Architecture, Quirk } from "@aspace/arch";
import { badInput } from "./refusal.ts";

/** The quirks with these ids or names, in any case, that one of the architectures can have, or that lie above them. */
export function quirksNamed(
  names: readonly string[],
  architectures: readonly Architecture[],
  above: readonly Quirk[] = [],
): Quirk[] {
  const all = [...architectures.flatMap(({ quirks }) => quirks), ...above];
  const possible = new Map(all.map((quirk) => [quirk.id, quirk] as const));
  return names.map((name) => {
    const wanted = name.toLowerCase();
    const found = [...possible.values()].find(
      (quirk) => quirk.id.toLowerCase() === wanted || quirk.name.toLowerCase() === wanted,
    );
    if (found !== undefined) return found;
    const on = architectures.map((architecture) => architecture.name).join(" and ");
    const known = [...possible.values()].map((quirk) => `${quirk.id} (${quirk.name})`).join(", ");
    throw badInput(`unknown quirk '${name}' on ${on}; there is: ${known || "none"}`);
  });
}
