import {
  AspaceKind,
  PAGE_SHIFT,
  VPN_LIMIT,
  type Architecture,
  type AspaceProfile,
  type Quirk,
} from "@aspace/arch";
import { ENGINE_QUIRKS } from "@aspace/page-table";
import { describeFault, faultFlags } from "./fault.ts";
import { x86Formats, type X86Formats } from "./format.ts";
import { HIGHEST_PCID, kernelControls, type X86Features } from "./registers.ts";
import { X86System } from "./system.ts";
import { X86Mmu } from "./walk.ts";

export { eptLayouts, layoutOf, pagingLayouts, type EntryLayouts } from "./entry-layout.ts";
export { kernelControls, type ControlRegisters, type X86Features } from "./registers.ts";
export { X86Mmu } from "./walk.ts";

/** User mappings start at 2 MiB: the low addresses stay unmapped to catch null pointers. */
const USER_BASE = 0x20_0000 / 2 ** PAGE_SHIFT;
const KERNEL_PAGES = 2 ** (39 - PAGE_SHIFT);
/** What 48-bit EPT translates, less what a canonical address cannot name. */
const GUEST_PAGES = 2 ** (47 - PAGE_SHIFT);

/** Hazards that take an accessed bit; EPT has none while EPTP bit 6 is 0. */
const ABOUT_ACCESSED_BITS: ReadonlySet<string> = new Set(["H9", "H10", "H12"]);

/** Splits here need no break-before-make, so nothing can open a gap against the caller's will. */
const IMPOSSIBLE: ReadonlySet<string> = new Set(["H6"]);

const OWN_QUIRKS: readonly Quirk[] = [
  {
    id: "H11",
    name: "ept-accessed-at-bit-5",
    summary: "guest tables are harvested by bit 5, which in EPT belongs to the memory type",
    kinds: [AspaceKind.GUEST],
  },
  {
    id: "H14",
    name: "kernel-table-by-invlpg",
    summary: "a kernel table is unlinked with INVLPG, which leaves other PCIDs' walk caches alone",
    kinds: [AspaceKind.KERNEL],
  },
];

function x86Quirks(): readonly Quirk[] {
  const shared = ENGINE_QUIRKS.filter(({ id }) => !IMPOSSIBLE.has(id)).map((quirk) =>
    ABOUT_ACCESSED_BITS.has(quirk.id)
      ? { ...quirk, kinds: quirk.kinds.filter((kind) => kind !== AspaceKind.GUEST) }
      : quirk,
  );
  return [...shared, ...OWN_QUIRKS];
}

function profiles(
  features: X86Features,
  formats: X86Formats,
): Readonly<Record<AspaceKind, AspaceProfile>> {
  const halfOfAddresses = 2 ** (features.levels * 9 - 1);
  return {
    // The last page below the hole stays unmapped: SYSRET to the address after it faults in the kernel.
    user: {
      baseVpn: USER_BASE,
      pageCount: halfOfAddresses - 1 - USER_BASE,
      capabilities: formats.user.capabilities,
    },
    kernel: {
      baseVpn: VPN_LIMIT - KERNEL_PAGES,
      pageCount: KERNEL_PAGES,
      capabilities: formats.kernel.capabilities,
    },
    guest: {
      baseVpn: 0,
      pageCount: GUEST_PAGES,
      capabilities: formats.guest.capabilities,
    },
  };
}

/**
 * The x86-64 backend for a machine with the given features. Throws a RangeError for a width of
 * physical addresses that the architecture does not have.
 */
export function createX86_64(features: X86Features): Architecture {
  if (!Number.isInteger(features.physBits) || features.physBits < 36 || features.physBits > 52) {
    throw new RangeError(`physBits ${features.physBits} is not from 36 to 52`);
  }
  const formats = x86Formats(features);
  const aspaces = profiles(features, formats);
  const controls = kernelControls(features);
  const isLa57 = features.levels === 5;
  return {
    name: isLa57 ? "x86-64-la57" : "x86-64",
    title: isLa57
      ? "x86-64, 5-level paging with PCIDs, EPT for guests"
      : "x86-64, 4-level paging with PCIDs, EPT for guests",
    aspaces,
    quirks: x86Quirks(),
    tagLimit: HIGHEST_PCID,
    createMmu: (memory) => new X86Mmu(memory, features, controls),
    boot: (hardware, options) => new X86System(formats, aspaces, hardware, options),
    faultFlags,
    describeFault,
  };
}

export const x86_64: Architecture = createX86_64({ levels: 4, physBits: 46, page1Gb: true });

export const x86_64La57: Architecture = createX86_64({ levels: 5, physBits: 46, page1Gb: true });
