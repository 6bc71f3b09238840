import { Access, FaultFlags, MmuFlags, type MmuFlagSet, type Vpn } from "@aspace/arch";
import type { Cpu } from "@aspace/machine";
import { CpuMode } from "@aspace/machine";
import type { CheckedAspace } from "./checked-aspace.ts";
import { PropertyFailure } from "./check.ts";

/** What properties map and how they touch it, so that they read alike on every kind of aspace. */

export const RO: MmuFlagSet = MmuFlags.READ;
export const RW: MmuFlagSet = MmuFlags.READ | MmuFlags.WRITE;
export const RX: MmuFlagSet = MmuFlags.READ | MmuFlags.EXECUTE;
export const RWX: MmuFlagSet = MmuFlags.READ | MmuFlags.WRITE | MmuFlags.EXECUTE;

/** All flag words that operations accept. */
export const LEGAL_FLAGS: readonly MmuFlagSet[] = Array.from(
  { length: MmuFlags.INVALID },
  (_, flags) => flags,
).filter((flags) => (flags & MmuFlags.READ) !== 0);

/** The four cache policies. */
export const POLICIES: readonly MmuFlagSet[] = [
  MmuFlags.CACHED,
  MmuFlags.UNCACHED,
  MmuFlags.UNCACHED_DEVICE,
  MmuFlags.WRITE_COMBINING,
];

/** USER for a user aspace's pages, nothing for the others'. */
export function userOf(aspace: CheckedAspace): MmuFlagSet {
  return aspace.reference.kind === "user" ? MmuFlags.USER : 0;
}

/** The same flags without WRITE and EXECUTE. */
export function readOf(flags: MmuFlagSet): MmuFlagSet {
  return flags & ~(MmuFlags.WRITE | MmuFlags.EXECUTE);
}

/** The mode in which the pages that `userOf` gives flags for are used. */
export function modeOf(aspace: CheckedAspace): CpuMode {
  return aspace.reference.kind === "kernel" ? CpuMode.KERNEL : CpuMode.USER;
}

/** Reads a page as its owner would, and answers an access fault as the kernel would. */
export function touch(aspace: CheckedAspace, cpu: Cpu, vpn: Vpn): void {
  const access: Access = aspace.reference.kind === "kernel" ? Access.KERNEL_READ : Access.USER_READ;
  aspace.observer.access(cpu, vpn, access);
}

/** Writes a word to a page as its owner would. */
export function store(aspace: CheckedAspace, cpu: Cpu, vpn: Vpn, value: number): void {
  const { architecture } = aspace.world.options;
  const mode = modeOf(aspace);
  let fault = cpu.store(mode, vpn, 0, value);
  if (fault !== 0 && (architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0) {
    aspace.aspace.markAccessed(vpn, 1);
    fault = cpu.store(mode, vpn, 0, value);
  }
  if (fault !== 0 && cpu.mmu.faultEvicts) fault = cpu.store(mode, vpn, 0, value);
  if (fault === 0) return;
  throw new PropertyFailure(
    `CPU ${cpu.id}: expected a write to go through, seen ${architecture.describeFault(fault)}`,
  );
}
