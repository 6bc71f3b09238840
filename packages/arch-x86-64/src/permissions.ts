import {
  Access,
  ALL_ACCESSES,
  isFetchAccess,
  isUserAccess,
  isWriteAccess,
  type AccessMask,
} from "@aspace/arch";
import { PageFault } from "./fault.ts";
import { Cr0, Cr4, Efer, type ControlRegisters } from "./registers.ts";

/**
 * Which accesses a path of entries allows. Part of the judge: written from the manual, knows nothing
 * of `format.ts`.
 *
 * A walk ANDs the rights of all entries into three bits, which index a table of allowed accesses:
 *
 * | bit | paging          | EPT   |
 * | --- | --------------- | ----- |
 * | 0   | XD is clear     | read  |
 * | 1   | RW, writable    | write |
 * | 2   | US, a user page | fetch |
 */
export type Rights = number;

export const ALL_RIGHTS: Rights = 0b111;

const FETCHABLE = 0b001;
const WRITABLE = 0b010;
const USER_PAGE = 0b100;

const EPT_READ = 0b001;
const EPT_WRITE = 0b010;
const EPT_FETCH = 0b100;

const ROWS = ALL_RIGHTS + 1;

function maskOf(isAllowed: (access: Access) => boolean): AccessMask {
  return ALL_ACCESSES.reduce<AccessMask>(
    (mask, access) => (isAllowed(access) ? mask | (1 << access) : mask),
    0,
  );
}

/**
 * Intel SDM vol. 3A, 4.6.1. SMAP keeps the kernel's data accesses off user pages unless EFLAGS.AC is
 * 1, which is what a user-copy access stands for; SMEP keeps its fetches off always. Protection keys
 * are not modelled: CR4.PKE and CR4.PKS are 0.
 */
function pagingAllowed(rights: Rights, { cr0, cr4 }: ControlRegisters): AccessMask {
  const isUserPage = (rights & USER_PAGE) !== 0;
  const isWritable = (rights & WRITABLE) !== 0;
  const isFetchable = (rights & FETCHABLE) !== 0;
  const kernelReads = !isUserPage || (cr4 & Cr4.SMAP) === 0;
  const kernelWrites = isWritable || (cr0 & Cr0.WP) === 0;
  const kernelFetches = isFetchable && (!isUserPage || (cr4 & Cr4.SMEP) === 0);
  const answers: Readonly<Record<Access, boolean>> = {
    [Access.USER_READ]: isUserPage,
    [Access.USER_WRITE]: isUserPage && isWritable,
    [Access.USER_FETCH]: isUserPage && isFetchable,
    [Access.KERNEL_READ]: kernelReads,
    [Access.KERNEL_WRITE]: kernelReads && kernelWrites,
    [Access.KERNEL_FETCH]: kernelFetches,
    [Access.COPY_READ]: true,
    [Access.COPY_WRITE]: kernelWrites,
    [Access.COPY_FETCH]: kernelFetches,
  };
  return maskOf((access) => answers[access]);
}

/** Allowed accesses by rights, under the given control registers. */
export function pagingAllowedTable(controls: ControlRegisters): Uint16Array {
  return Uint16Array.from({ length: ROWS }, (_, rights) => pagingAllowed(rights, controls));
}

/** By access: the bits of the page-fault error code that depend on the access alone (4.7). */
export function accessErrorBits({ cr4, efer }: ControlRegisters): Uint8Array {
  const tellsFetches = (efer & Efer.NXE) !== 0 || (cr4 & Cr4.SMEP) !== 0;
  return Uint8Array.from(
    ALL_ACCESSES,
    (access) =>
      (isWriteAccess(access) ? PageFault.WR : 0) |
      (isUserAccess(access) ? PageFault.US : 0) |
      (isFetchAccess(access) && tellsFetches ? PageFault.ID : 0),
  );
}

/** The right that a guest's access needs, whatever the guest's mode. Also its bit in an exit qualification. */
export function eptRight(access: Access): Rights {
  if (isFetchAccess(access)) return EPT_FETCH;
  return isWriteAccess(access) ? EPT_WRITE : EPT_READ;
}

/** Allowed accesses by rights in EPT (Intel SDM vol. 3C, 29.3.3.2). */
export const EPT_ALLOWED: Uint16Array = Uint16Array.from({ length: ROWS }, (_, rights) =>
  maskOf((access) => (rights & eptRight(access)) !== 0),
);
