import {
  ACCESS_KINDS,
  Access,
  type AccessMask,
  type Capabilities,
  MemoryType,
  MmuFlags,
  type MmuFlagSet,
} from "@aspace/arch";

/**
 * What a mapping must allow, from its flags alone. Nothing here knows an entry bit: the MMU reads
 * the entries, this table reads the flags, and the suite compares the two.
 *
 * | access                                | allowed iff the flags have                    |
 * | ------------------------------------- | --------------------------------------------- |
 * | user read, write, fetch               | USER and READ, WRITE, EXECUTE                 |
 * | kernel read, write                    | READ, WRITE, and not USER                     |
 * | kernel fetch                          | EXECUTE and not USER                          |
 * | user-copy read, write                 | READ, WRITE                                   |
 * | user-copy fetch                       | as kernel fetch: the window opens data only   |
 */
export function permits(flags: MmuFlagSet, capabilities: Capabilities, access: Access): boolean {
  if ((flags & DEMANDS[access]) !== DEMANDS[access]) return false;
  // A second stage cannot tell who is asking: the guest's own tables have decided that already.
  if (!capabilities.distinguishesUser) return true;
  const user = (flags & MmuFlags.USER) !== 0;
  switch (access) {
    case Access.USER_READ:
    case Access.USER_WRITE:
    case Access.USER_FETCH:
      return user;
    case Access.COPY_READ:
    case Access.COPY_WRITE:
      return true;
    default:
      return !user;
  }
}

/** All kinds of access that a mapping with `flags` must allow; every other kind must fault. */
export function permittedAccesses(flags: MmuFlagSet, capabilities: Capabilities): AccessMask {
  let mask = 0;
  for (let access = 0; access < ACCESS_KINDS; access++) {
    if (permits(flags, capabilities, access as Access)) mask |= 1 << access;
  }
  return mask;
}

/** The memory type a CPU must use for a mapping with `flags`, as far as the architecture can say it. */
export function expectedMemoryType(flags: MmuFlagSet, capabilities: Capabilities): MemoryType {
  return MEMORY_TYPES[capabilities.normalizeFlags(flags) & MmuFlags.CACHE_MASK] ?? MemoryType.OTHER;
}

/** Indexed by access kind: the permission the access needs. */
const DEMANDS: Readonly<Record<Access, MmuFlagSet>> = {
  [Access.USER_READ]: MmuFlags.READ,
  [Access.USER_WRITE]: MmuFlags.WRITE,
  [Access.USER_FETCH]: MmuFlags.EXECUTE,
  [Access.KERNEL_READ]: MmuFlags.READ,
  [Access.KERNEL_WRITE]: MmuFlags.WRITE,
  [Access.KERNEL_FETCH]: MmuFlags.EXECUTE,
  [Access.COPY_READ]: MmuFlags.READ,
  [Access.COPY_WRITE]: MmuFlags.WRITE,
  [Access.COPY_FETCH]: MmuFlags.EXECUTE,
};

/** Indexed by cache policy. */
const MEMORY_TYPES: readonly MemoryType[] = [
  MemoryType.WRITE_BACK,
  MemoryType.UNCACHED,
  MemoryType.DEVICE,
  MemoryType.WRITE_COMBINING,
];
