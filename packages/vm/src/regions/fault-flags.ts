import { FaultFlags, type FaultFlagSet } from "@aspace/arch";

/** What the fault handler knows about a fault. More than an architecture tells: who handles it, and why. */
export const PageFaultFlag = {
  WRITE: 0x1,
  USER: 0x2,
  /** The access came from a guest. */
  GUEST: 0x4,
  INSTRUCTION: 0x8,
  NOT_PRESENT: 0x10,
  /** A CPU raised it. */
  HW_FAULT: 0x20,
  /** The kernel asks for a page as if a CPU had raised a fault. */
  SW_FAULT: 0x40,
  /** The page is mapped and allowed, only its accessed flag is clear. */
  ACCESS: 0x80,
} as const;

/** A combination of `PageFaultFlag` bits. */
export type PageFaultFlags = number;

/** What an architecture says about a fault, for the handler. FATAL is left out: no handler resolves such a fault. */
export function pageFaultFlags(fault: FaultFlagSet): PageFaultFlags {
  const translate = (bit: FaultFlagSet, flag: PageFaultFlags): PageFaultFlags =>
    (fault & bit) === 0 ? 0 : flag;
  return (
    translate(FaultFlags.WRITE, PageFaultFlag.WRITE) |
    translate(FaultFlags.USER, PageFaultFlag.USER) |
    translate(FaultFlags.INSTRUCTION, PageFaultFlag.INSTRUCTION) |
    translate(FaultFlags.NOT_PRESENT, PageFaultFlag.NOT_PRESENT) |
    translate(FaultFlags.ACCESS, PageFaultFlag.ACCESS)
  );
}

/** Prints a fault in four letters: write or read; user, guest or supervisor; instruction or data; not present or present. */
export function formatFault(flags: PageFaultFlags): string {
  const has = (flag: PageFaultFlags): boolean => (flags & flag) !== 0;
  const mode = has(PageFaultFlag.GUEST) ? "g" : "s";
  return [
    has(PageFaultFlag.WRITE) ? "w" : "r",
    has(PageFaultFlag.USER) ? "u" : mode,
    has(PageFaultFlag.INSTRUCTION) ? "i" : "d",
    has(PageFaultFlag.NOT_PRESENT) ? "n" : "p",
  ].join("");
}
