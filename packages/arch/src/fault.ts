/**
 * Faults cross the seam in two forms: the exact architectural code, which only the architecture can
 * read, and the flags that the kernel's fault handler derives from it.
 */

/** Architectural fault code; 0 means "no fault". What the number holds is the architecture's business. */
export type FaultCode = number;

/** The code of an access that went through. */
export const NO_FAULT: FaultCode = 0;

/** What a page-fault handler is told about a fault. */
export const FaultFlags = {
  WRITE: 0x1,
  USER: 0x2,
  INSTRUCTION: 0x4,
  NOT_PRESENT: 0x8,
  /** The page is mapped but its accessed flag is clear (arm64): answer with `markAccessed`. */
  ACCESS: 0x10,
  /** Not a fault that mapping a page could resolve: bad address, reserved bits, misconfiguration. */
  FATAL: 0x20,
} as const;

/** A combination of `FaultFlags` bits. */
export type FaultFlagSet = number;
