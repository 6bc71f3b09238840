import type { Architecture, Quirk } from "@aspace/arch";
import { ENGINE_QUIRKS } from "@aspace/page-table";
import { describeFault, faultFlags } from "./fault.ts";
import { formatsOf } from "./format.ts";
import { profilesOf } from "./geometry.ts";
import { TinySystem } from "./system.ts";
import { RELAXED, STRICT, type TinyVariant } from "./variant.ts";
import { TinyMmu } from "./walk.ts";

export { LEAF_ENTRY, TABLE_ENTRY } from "./entry-layout.ts";

/** Quirks that need accessed marks in table entries, or a break-before-make gap to open. */
const STRICT_ONLY: ReadonlySet<string> = new Set(["H6", "H10", "H12"]);

function architectureOf(variant: TinyVariant): Architecture {
  const formats = formatsOf(variant);
  const aspaces = profilesOf(formats);
  const canHave = (quirk: Quirk): boolean => variant === STRICT || !STRICT_ONLY.has(quirk.id);
  return {
    name: variant.name,
    title: variant.title,
    aspaces,
    quirks: ENGINE_QUIRKS.filter(canHave),
    tagLimit: 64,
    createMmu: (memory) => new TinyMmu(memory, variant),
    boot: (hardware, options) => new TinySystem({ formats, aspaces }, hardware, options),
    faultFlags,
    describeFault,
  };
}

export const tiny: Architecture = architectureOf(RELAXED);
export const tinyStrict: Architecture = architectureOf(STRICT);
