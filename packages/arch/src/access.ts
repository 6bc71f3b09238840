/**
 * The nine kinds of access a CPU can make: three modes times read, write and fetch. A translation's
 * rights are a nine-bit mask with one bit for each kind, so that a cached permission check is one
 * shift, on every architecture.
 *
 * `Copy` is kernel mode with the user-access window open: x86 EFLAGS.AC = 1, arm64 PSTATE.PAN = 0,
 * riscv sstatus.SUM = 1. For a guest aspace the mode means nothing: the guest's own first stage,
 * which is not modelled here, decides about privilege.
 */
export const Access = {
  USER_READ: 0,
  USER_WRITE: 1,
  USER_FETCH: 2,
  KERNEL_READ: 3,
  KERNEL_WRITE: 4,
  KERNEL_FETCH: 5,
  COPY_READ: 6,
  COPY_WRITE: 7,
  COPY_FETCH: 8,
} as const;

export type Access = (typeof Access)[keyof typeof Access];

/** Number of access kinds. */
export const ACCESS_KINDS = 9;

/** All kinds in numeric order. */
export const ALL_ACCESSES: readonly Access[] = Object.values(Access);

/** A set of access kinds, bit `a` for kind `a`. */
export type AccessMask = number;

/** Every kind of access allowed. */
export const ALL_ALLOWED: AccessMask = (1 << ACCESS_KINDS) - 1;

/** The kinds that write, and those that fetch an instruction. */
export const WRITE_ACCESSES: AccessMask =
  (1 << Access.USER_WRITE) | (1 << Access.KERNEL_WRITE) | (1 << Access.COPY_WRITE);
export const FETCH_ACCESSES: AccessMask =
  (1 << Access.USER_FETCH) | (1 << Access.KERNEL_FETCH) | (1 << Access.COPY_FETCH);

export const isWriteAccess = (access: Access): boolean => ((WRITE_ACCESSES >> access) & 1) !== 0;
export const isFetchAccess = (access: Access): boolean => ((FETCH_ACCESSES >> access) & 1) !== 0;
export const isUserAccess = (access: Access): boolean => access <= Access.USER_FETCH;

const NAMES = [
  "user read",
  "user write",
  "user fetch",
  "kernel read",
  "kernel write",
  "kernel fetch",
  "user-copy read",
  "user-copy write",
  "user-copy fetch",
] as const;

/** Prints an access kind: `user write`. */
export function accessName(access: Access): string {
  return NAMES[access];
}
