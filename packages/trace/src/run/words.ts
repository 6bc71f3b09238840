import { FaultFlags, MmuFlags, Status, type FaultFlagSet, type MmuFlagSet } from "@aspace/arch";
import { PageFaultFlag, Right, VmOption, VmarFlags, type Rights, type VmOptions } from "@aspace/vm";
import { WORD_LISTS, type Choice, type Words } from "../format/words.ts";

/** Words of the format as the bits that they stand for. */

export function statusNamed(name: Choice<"statusName">): Status {
  return Status[name];
}

type Bits<K extends keyof typeof WORD_LISTS> = Readonly<Record<Words<K>[number], number>>;

const MMU_BITS: Bits<"mmuFlags"> = {
  user: MmuFlags.USER,
  read: MmuFlags.READ,
  write: MmuFlags.WRITE,
  execute: MmuFlags.EXECUTE,
  uncached: MmuFlags.UNCACHED,
  "uncached-device": MmuFlags.UNCACHED_DEVICE,
  "write-combining": MmuFlags.WRITE_COMBINING,
  "non-secure": MmuFlags.NS,
};

const PAGE_FAULT_BITS: Bits<"faultFlags"> = {
  write: PageFaultFlag.WRITE,
  user: PageFaultFlag.USER,
  guest: PageFaultFlag.GUEST,
  instruction: PageFaultFlag.INSTRUCTION,
  "not-present": PageFaultFlag.NOT_PRESENT,
  hardware: PageFaultFlag.HW_FAULT,
  software: PageFaultFlag.SW_FAULT,
  access: PageFaultFlag.ACCESS,
};

const CPU_FAULT_BITS: Omit<Bits<"cpuFault">, "present"> = {
  write: FaultFlags.WRITE,
  user: FaultFlags.USER,
  instruction: FaultFlags.INSTRUCTION,
  "not-present": FaultFlags.NOT_PRESENT,
  access: FaultFlags.ACCESS,
  fatal: FaultFlags.FATAL,
};

const VMAR_BITS: Bits<"vmarFlags"> = {
  compact: VmarFlags.COMPACT,
  specific: VmarFlags.SPECIFIC,
  "specific-overwrite": VmarFlags.SPECIFIC_OVERWRITE,
  "can-map-specific": VmarFlags.CAN_MAP_SPECIFIC,
  "can-map-read": VmarFlags.CAN_MAP_READ,
  "can-map-write": VmarFlags.CAN_MAP_WRITE,
  "can-map-execute": VmarFlags.CAN_MAP_EXECUTE,
  "require-non-resizable": VmarFlags.REQUIRE_NON_RESIZABLE,
  "allow-faults": VmarFlags.ALLOW_FAULTS,
  "offset-is-upper-limit": VmarFlags.OFFSET_IS_UPPER_LIMIT,
  "debug-dynamic-kernel-mapping": VmarFlags.DEBUG_DYNAMIC_KERNEL_MAPPING,
};

const RIGHT_BITS: Bits<"rights"> = {
  map: Right.MAP,
  read: Right.READ,
  write: Right.WRITE,
  execute: Right.EXECUTE,
  "op-children": Right.OP_CHILDREN,
};

const OPTION_BITS: Bits<"vmarOptions"> = {
  "perm-read": VmOption.PERM_READ,
  "perm-write": VmOption.PERM_WRITE,
  "perm-execute": VmOption.PERM_EXECUTE,
  compact: VmOption.COMPACT,
  specific: VmOption.SPECIFIC,
  "specific-overwrite": VmOption.SPECIFIC_OVERWRITE,
  "can-map-specific": VmOption.CAN_MAP_SPECIFIC,
  "can-map-read": VmOption.CAN_MAP_READ,
  "can-map-write": VmOption.CAN_MAP_WRITE,
  "can-map-execute": VmOption.CAN_MAP_EXECUTE,
  "map-range": VmOption.MAP_RANGE,
  "require-non-resizable": VmOption.REQUIRE_NON_RESIZABLE,
  "allow-faults": VmOption.ALLOW_FAULTS,
  "offset-is-upper-limit": VmOption.OFFSET_IS_UPPER_LIMIT,
  "perm-read-if-xom-unsupported": VmOption.PERM_READ_IF_XOM_UNSUPPORTED,
};

export const rightsOf = (words: Words<"rights">): Rights => bitsOf(RIGHT_BITS, words);
export const vmOptionsOf = (words: Words<"vmarOptions">): VmOptions => bitsOf(OPTION_BITS, words);
export const mmuFlagsOf = (words: Words<"mmuFlags">): MmuFlagSet => bitsOf(MMU_BITS, words);
export const pageFaultFlagsOf = (words: Words<"faultFlags">): number =>
  bitsOf(PAGE_FAULT_BITS, words);
export const vmarFlagsOf = (words: Words<"vmarFlags">): number => bitsOf(VMAR_BITS, words);

/** What a CPU says about an access it refused. */
export function cpuFaultWords(flags: FaultFlagSet): Words<"cpuFault"> {
  const isPresent = (flags & (FaultFlags.NOT_PRESENT | FaultFlags.FATAL)) === 0;
  return WORD_LISTS.cpuFault.filter((word) =>
    word === "present" ? isPresent : (flags & CPU_FAULT_BITS[word]) !== 0,
  );
}

/** The cache policy is a number of two bits, so its words are not one bit each. */
export function mmuWords(flags: MmuFlagSet): Words<"mmuFlags"> {
  return WORD_LISTS.mmuFlags.filter((word) => {
    const bits = MMU_BITS[word];
    if (bits <= MmuFlags.CACHE_MASK) return (flags & MmuFlags.CACHE_MASK) === bits;
    return (flags & bits) !== 0;
  });
}

function bitsOf<W extends string>(bits: Readonly<Record<W, number>>, words: readonly W[]): number {
  return words.reduce((sum, word) => sum | bits[word], 0);
}
