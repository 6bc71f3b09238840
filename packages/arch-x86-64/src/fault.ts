import { FaultFlags, type FaultCode, type FaultFlagSet } from "@aspace/arch";

/**
 * Fault codes. The upper half says what happened, the lower half is the detail that the CPU supplies:
 *
 * ```
 *   13 << 16              #GP(0), a non-canonical address       Intel SDM vol. 3A, 3.3.7.1
 *   14 << 16 | error      #PF with its error code               Intel SDM vol. 3A, 4.7
 *   48 << 16 | detail     EPT violation with its qualification  Intel SDM vol. 3C, table 28-7
 *   49 << 16              EPT misconfiguration                  Intel SDM vol. 3C, 29.3.3.1
 * ```
 *
 * 13 and 14 are exception vectors, 48 and 49 VM-exit reasons; no number means both here.
 */
const KIND_SHIFT = 16;
const GENERAL_PROTECTION = 13;
const PAGE_FAULT = 14;
const EPT_VIOLATION = 48;
const EPT_MISCONFIGURED = 49;

/** Bits of the page-fault error code. */
export const PageFault = {
  P: 0x1,
  WR: 0x2,
  US: 0x4,
  RSVD: 0x8,
  ID: 0x10,
} as const;

/** Bits of the exit qualification of an EPT violation; RIGHTS holds R, W, X of all entries together. */
export const EptViolation = {
  READ: 0x1,
  WRITE: 0x2,
  FETCH: 0x4,
  RIGHTS_SHIFT: 3,
  RIGHTS: 0x38,
  LINEAR_VALID: 0x80,
  FINAL_ACCESS: 0x100,
} as const;

/** The address is not canonical: no walk took place. */
export const NON_CANONICAL: FaultCode = GENERAL_PROTECTION << KIND_SHIFT;

/** An EPT entry holds a combination of bits that no entry may hold. */
export const EPT_MISCONFIGURATION: FaultCode = EPT_MISCONFIGURED << KIND_SHIFT;

export const pageFault = (errorCode: number): FaultCode => (PAGE_FAULT << KIND_SHIFT) | errorCode;

export const eptViolation = (qualification: number): FaultCode =>
  (EPT_VIOLATION << KIND_SHIFT) | qualification;

const detailOf = (code: FaultCode): number => code & ((1 << KIND_SHIFT) - 1);

/** What the page-fault handler is told. Everything that mapping a page cannot cure is FATAL. */
export function faultFlags(code: FaultCode): FaultFlagSet {
  const detail = detailOf(code);
  switch (code >>> KIND_SHIFT) {
    case PAGE_FAULT:
      return pageFaultFlags(detail);
    case EPT_VIOLATION:
      return eptViolationFlags(detail);
    default:
      return code === 0 ? 0 : FaultFlags.FATAL;
  }
}

function pageFaultFlags(error: number): FaultFlagSet {
  const known = PageFault.P | PageFault.WR | PageFault.US | PageFault.ID;
  return (
    ((error & PageFault.WR) !== 0 ? FaultFlags.WRITE : 0) |
    ((error & PageFault.US) !== 0 ? FaultFlags.USER : 0) |
    ((error & PageFault.ID) !== 0 ? FaultFlags.INSTRUCTION : 0) |
    ((error & PageFault.P) === 0 ? FaultFlags.NOT_PRESENT : 0) |
    ((error & ~known) !== 0 ? FaultFlags.FATAL : 0)
  );
}

/** Absent is: no right at all, since a present entry has at least one and every table has all three. */
function eptViolationFlags(qualification: number): FaultFlagSet {
  return (
    ((qualification & EptViolation.WRITE) !== 0 ? FaultFlags.WRITE : 0) |
    ((qualification & EptViolation.FETCH) !== 0 ? FaultFlags.INSTRUCTION : 0) |
    ((qualification & EptViolation.RIGHTS) === 0 ? FaultFlags.NOT_PRESENT : 0)
  );
}

/** A fault code in words. */
export function describeFault(code: FaultCode): string {
  const detail = detailOf(code);
  switch (code >>> KIND_SHIFT) {
    case GENERAL_PROTECTION:
      return "#GP error 0x0 (non-canonical address)";
    case PAGE_FAULT:
      return `#PF error ${hex(detail)} (${describeError(detail)})`;
    case EPT_VIOLATION:
      return `EPT violation ${hex(detail)} (${describeQualification(detail)})`;
    case EPT_MISCONFIGURED:
      return "EPT misconfiguration";
    default:
      return code === 0 ? "no fault" : `unknown fault ${hex(code)}`;
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function describeError(error: number): string {
  const mode = (error & PageFault.US) !== 0 ? "user" : "kernel";
  const write = (error & PageFault.WR) !== 0 ? "write" : "read";
  const kind = (error & PageFault.ID) !== 0 ? "fetch" : write;
  const presence = (error & PageFault.P) !== 0 ? "present" : "not present";
  return `${mode} ${kind}, ${presence}${(error & PageFault.RSVD) !== 0 ? ", reserved bit" : ""}`;
}

function describeQualification(qualification: number): string {
  const write = (qualification & EptViolation.WRITE) !== 0 ? "write" : "read";
  const kind = (qualification & EptViolation.FETCH) !== 0 ? "fetch" : write;
  const rights = (qualification & EptViolation.RIGHTS) >>> EptViolation.RIGHTS_SHIFT;
  if (rights === 0) return `guest ${kind}, not present`;
  const letter = (bit: number, name: string): string => ((rights & bit) !== 0 ? name : "-");
  return `guest ${kind}, present ${letter(1, "r")}${letter(2, "w")}${letter(4, "x")}`;
}
