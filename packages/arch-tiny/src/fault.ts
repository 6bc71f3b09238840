import {
  type Access,
  FaultFlags,
  type FaultCode,
  type FaultFlagSet,
  accessName,
  isFetchAccess,
  isUserAccess,
  isWriteAccess,
} from "@aspace/arch";

/**
 * A fault code: cause in bits 3:0, level of the entry that stopped the walk in bits 7:4, kind of
 * access in bits 11:8.
 */
export const FaultCause = {
  /** The address lies outside both halves. */
  ADDRESS: 1,
  /** An entry is not valid. */
  ABSENT: 2,
  /** An entry has a reserved bit set, or a leaf where none may be. */
  MALFORMED: 3,
  /** A leaf was not touched yet, and software wants to know. */
  UNTOUCHED: 4,
  /** The leaf does not allow the access. */
  DENIED: 5,
} as const;
export type FaultCause = (typeof FaultCause)[keyof typeof FaultCause];

export function faultCode(cause: FaultCause, level: number, access: Access): FaultCode {
  return cause | (level << 4) | (access << 8);
}

/** What the fault handler is told. */
export function faultFlags(code: FaultCode): FaultFlagSet {
  const access = accessOf(code);
  const cause = code & 15;
  return (
    (isWriteAccess(access) ? FaultFlags.WRITE : 0) |
    (isUserAccess(access) ? FaultFlags.USER : 0) |
    (isFetchAccess(access) ? FaultFlags.INSTRUCTION : 0) |
    (cause === FaultCause.ABSENT ? FaultFlags.NOT_PRESENT : 0) |
    (cause === FaultCause.UNTOUCHED ? FaultFlags.ACCESS : 0) |
    (cause === FaultCause.ADDRESS || cause === FaultCause.MALFORMED ? FaultFlags.FATAL : 0)
  );
}

const CAUSES = ["no fault", "bad address", "absent", "malformed entry", "untouched", "denied"];

export function describeFault(code: FaultCode): string {
  return `${CAUSES[code & 15]} at level ${(code >> 4) & 15} (${accessName(accessOf(code))})`;
}

const accessOf = (code: FaultCode): Access => ((code >> 8) & 15) as Access;
