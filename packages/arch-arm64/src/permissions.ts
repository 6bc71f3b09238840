import { Access, type AccessMask, FETCH_ACCESSES, WRITE_ACCESSES } from "@aspace/arch";

/**
 * Which accesses a leaf allows, once the attributes of all levels are combined. Arm ARM, D8.4 "Memory
 * access control". Part of the judge: written from the manual, knows nothing of `format.ts`.
 *
 * A walk gathers the combined attributes in four bits, which index a table of allowed accesses:
 *
 * | bit | stage 1                     | stage 2              |
 * | --- | --------------------------- | -------------------- |
 * | 0   | PXN, PXNTable               | XN[0] (FEAT_XNX only) |
 * | 1   | UXN, UXNTable               | XN[1]                |
 * | 2   | not AP[1], APTable[0]       | S2AP[0], readable    |
 * | 3   | AP[2], APTable[1]           | S2AP[1], writable    |
 *
 * In stage 1 every bit takes something away, so going down a level is an OR.
 */
export type Rights = number;

const PXN = 0b0001;
const UXN = 0b0010;
const NO_EL0 = 0b0100;
const READ_ONLY = 0b1000;

const XN = 0b0010;
const S2_READ = 0b0100;
const S2_WRITE = 0b1000;

const RIGHTS = 16;

const USER_ACCESSES: AccessMask =
  (1 << Access.USER_READ) | (1 << Access.USER_WRITE) | (1 << Access.USER_FETCH);

const READS: AccessMask =
  (1 << Access.USER_READ) | (1 << Access.KERNEL_READ) | (1 << Access.COPY_READ);

/** Register bits that change what stage 1 attributes allow. */
export const Stage1Control = {
  /** SCTLR_EL1.WXN: writable pages are not executable, at either exception level. */
  WXN: 0b01,
  /** TCR_EL1.E0PDx: EL0 may not use the range at all. */
  E0PD: 0b10,
} as const;

/**
 * PSTATE.PAN is 1 in kernel mode and 0 while the user-access window is open (`Copy`): with PAN, EL1
 * cannot read or write what EL0 can. It does not concern fetches (FEAT_EPAN is not modelled).
 */
function stage1Allowed(rights: Rights, controls: number): AccessMask {
  const el0 = (rights & NO_EL0) === 0;
  const writable = (rights & READ_ONLY) === 0;
  const wxn = (controls & Stage1Control.WXN) !== 0;
  let mask = 1 << Access.COPY_READ;
  if (writable) mask |= 1 << Access.COPY_WRITE;
  if (!el0) {
    mask |= 1 << Access.KERNEL_READ;
    if (writable) mask |= 1 << Access.KERNEL_WRITE;
  } else {
    mask |= 1 << Access.USER_READ;
    if (writable) mask |= 1 << Access.USER_WRITE;
  }
  const el0Writable = el0 && writable;
  if ((rights & UXN) === 0 && !(wxn && el0Writable)) mask |= 1 << Access.USER_FETCH;
  // What EL0 can write is never executable at EL1, PXN or not.
  if ((rights & PXN) === 0 && !el0Writable && !(wxn && writable)) {
    mask |= (1 << Access.KERNEL_FETCH) | (1 << Access.COPY_FETCH);
  }
  return (controls & Stage1Control.E0PD) !== 0 ? mask & ~USER_ACCESSES : mask;
}

/** Without FEAT_XNX one bit decides about fetches, and readability does not matter for them. */
function stage2Allowed(rights: Rights): AccessMask {
  return (
    ((rights & S2_READ) !== 0 ? READS : 0) |
    ((rights & S2_WRITE) !== 0 ? WRITE_ACCESSES : 0) |
    ((rights & XN) === 0 ? FETCH_ACCESSES : 0)
  );
}

const table = (allowed: (rights: Rights) => AccessMask): Uint16Array =>
  Uint16Array.from({ length: RIGHTS }, (_, rights) => allowed(rights));

/** Allowed accesses by rights; one table for each combination of `Stage1Control` bits. */
export const STAGE1_ALLOWED: readonly Uint16Array[] = [0, 1, 2, 3].map((controls) =>
  table((rights) => stage1Allowed(rights, controls)),
);
export const STAGE2_ALLOWED: Uint16Array = table(stage2Allowed);

/** The accesses that E0PDx turns into translation faults before any table is read. */
export const E0PD_REFUSED: AccessMask = USER_ACCESSES;
