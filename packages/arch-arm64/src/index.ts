import {
  type Architecture,
  AspaceKind,
  type AspaceProfile,
  PAGE_SHIFT,
  type Quirk,
  VPN_LIMIT,
} from "@aspace/arch";
import { ENGINE_QUIRKS } from "@aspace/page-table";
import { describeFault, faultFlags } from "./fault.ts";
import { arm64Formats, type Arm64Formats } from "./format.ts";
import type { Arm64Features } from "./registers.ts";
import { Arm64System } from "./system.ts";
import { USER_ASIDS } from "./tlb.ts";
import { Arm64Mmu } from "./walk.ts";

export {
  BLOCK_LEVEL_1,
  BLOCK_LEVEL_2,
  ENTRY_LAYOUTS,
  PAGE,
  STAGE2_BLOCK_LEVEL_1,
  STAGE2_BLOCK_LEVEL_2,
  STAGE2_PAGE,
  STAGE2_TABLE,
  TABLE,
} from "./entry-layout.ts";
export type { Arm64Features, RegisterName } from "./registers.ts";
export { Arm64Mmu } from "./walk.ts";

/** Pages in `2 ** bits` bytes. */
const pages = (bits: number): number => 2 ** (bits - PAGE_SHIFT);

/** User mappings start at 2 MiB: the low addresses stay unmapped to catch null pointers. */
const USER_BASE = pages(21);
/** The last 2^40 bytes of the low half stay free. */
const USER_END = 0xffff_ff00_0000 / 2 ** PAGE_SHIFT;
const KERNEL_PAGES = pages(48);
const GUEST_PAGES = pages(36);

/** Seen in x86 page-table code only. */
const FOREIGN: ReadonlySet<string> = new Set(["H9"]);
/** Guests have no protect: it unmaps. */
const ABOUT_PROTECT: ReadonlySet<string> = new Set(["H8"]);

const QUIRKS: readonly Quirk[] = ENGINE_QUIRKS.filter(({ id }) => !FOREIGN.has(id)).map((quirk) =>
  ABOUT_PROTECT.has(quirk.id)
    ? { ...quirk, kinds: quirk.kinds.filter((kind) => kind !== AspaceKind.GUEST) }
    : quirk,
);

function profiles(formats: Arm64Formats): Readonly<Record<AspaceKind, AspaceProfile>> {
  const profile = (kind: AspaceKind, baseVpn: number, pageCount: number): AspaceProfile => ({
    baseVpn,
    pageCount,
    capabilities: formats[kind].capabilities,
  });
  return {
    user: profile(AspaceKind.USER, USER_BASE, USER_END - USER_BASE),
    kernel: profile(AspaceKind.KERNEL, VPN_LIMIT - KERNEL_PAGES, KERNEL_PAGES),
    guest: profile(AspaceKind.GUEST, 0, GUEST_PAGES),
  };
}

const PHYS_BITS: readonly number[] = [32, 36, 40, 42, 44, 48];

/**
 * The arm64 backend for a machine with the given features. Throws a RangeError for a width of
 * physical addresses that TCR_EL1.IPS cannot say.
 */
export function createArm64(features: Arm64Features): Architecture {
  if (!PHYS_BITS.includes(features.physBits)) {
    throw new RangeError(
      `physBits ${String(features.physBits)} is not one of ${PHYS_BITS.join(", ")}`,
    );
  }
  const formats = arm64Formats(features);
  const aspaces = profiles(formats);
  return {
    name: "arm64",
    title: "arm64, VMSAv8-64 stage 1 with ASIDs, stage 2 for guests, 4 KiB granule",
    aspaces,
    quirks: QUIRKS,
    tagLimit: USER_ASIDS,
    createMmu: (memory) => new Arm64Mmu(memory),
    boot: (hardware, options) => new Arm64System(features, formats, aspaces, hardware, options),
    faultFlags,
    describeFault,
  };
}

export const arm64: Architecture = createArm64({ physBits: 48 });
