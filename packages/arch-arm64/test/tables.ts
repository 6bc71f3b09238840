import {
  type Access,
  type EntryHalves,
  type PhysicalMemory,
  type Walk,
  type WalkCache,
  emptyWalk,
} from "@aspace/arch";
import type { RegisterName } from "../src/registers.ts";
import { Arm64Mmu } from "../src/walk.ts";

/** A 64-bit value as the manual prints it, cut into halves. */
export function halves(value: bigint): EntryHalves {
  return { lo: Number(BigInt.asIntN(32, value)), hi: Number(BigInt.asIntN(32, value >> 32n)) };
}

/** The other way round. */
export function whole({ lo, hi }: EntryHalves): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** A bit of a descriptor or register. */
export const bit = (position: number): bigint => 1n << BigInt(position);

/** A table descriptor, with any further bits. */
export const tableAt = (frame: number, bits: bigint = 0n): bigint =>
  (BigInt(frame) << 12n) | 3n | bits;

/** Stage 1: TCR_EL1 with two 48-bit ranges, 4 KiB granule, 48-bit output, 16-bit ASIDs. */
export const TCR_48 = 0x15_b510_3510n;

/** A few frames of RAM with hand-written tables in them, and an MMU. */
export class Tables {
  readonly memory: PhysicalMemory = { words: new Int32Array(64 * 1024), frameCount: 64 };
  readonly mmu: Arm64Mmu = new Arm64Mmu(this.memory);

  set(frame: number, index: number, entry: bigint): void {
    const { lo, hi } = halves(entry);
    this.memory.words[frame * 1024 + 2 * index] = lo;
    this.memory.words[frame * 1024 + 2 * index + 1] = hi;
  }

  get(frame: number, index: number): bigint {
    const slot = frame * 1024 + 2 * index;
    return whole({ lo: this.memory.words[slot]!, hi: this.memory.words[slot + 1]! });
  }

  write(register: RegisterName, value: bigint): void {
    this.mmu.write(register, halves(value));
  }

  walk(vpn: number, access: Access, cache: WalkCache | null = null): Walk {
    const out = emptyWalk();
    this.mmu.walk(vpn, access, cache, out);
    return out;
  }

  inspect(vpn: number, access: Access): Walk {
    const out = emptyWalk();
    this.mmu.inspect(vpn, access, out);
    return out;
  }
}

/** Stage 1 on, with the default registers and empty roots: TTBR0 in frame 1, TTBR1 in frame 2. */
export function stage1Tables(tcr: bigint = TCR_48): Tables {
  const tables = new Tables();
  tables.write("MAIR_EL1", 0x44ff_0400n);
  tables.write("TTBR0_EL1", 0x0002_0000_0000_1000n);
  tables.write("TTBR1_EL1", 0x0001_0000_0000_2000n);
  tables.write("TCR_EL1", tcr);
  return tables;
}

/** A guest running with VMID 7 and its root in frame 1. */
export function stage2Tables(vtcr: bigint = 0x8005_355cn): Tables {
  const tables = new Tables();
  tables.write("VTCR_EL2", vtcr);
  tables.write("VTTBR_EL2", 0x0007_0000_0000_1000n);
  tables.write("HCR_EL2", 0x8000_0001n);
  return tables;
}

export const AF: bigint = bit(10);
/** EL0 and EL1 may read and write. */
export const PLAIN: bigint = AF | bit(6);
/** Descriptor types of leaves. */
export const BLOCK = 1n;
export const PAGE = 3n;

/** VA 0x123456789000: L0 36, L1 209, L2 179, L3 393; and the same place in the high half. */
export const VPN = 0x123456789;
export const HIGH_VPN: number = 2 ** 52 - 2 ** 36 + VPN;

/** A path for `VPN` and `HIGH_VPN` through frames 1 (TTBR0) or 2 (TTBR1), 3, 4, 5 to frame 0x123456. */
export function pathTo(tables: Tables, leaf: bigint = (0x123456n << 12n) | PLAIN | PAGE): Tables {
  tables.set(1, 36, tableAt(3));
  tables.set(2, 36, tableAt(3));
  tables.set(3, 209, tableAt(4));
  tables.set(4, 179, tableAt(5));
  tables.set(5, 393, leaf);
  return tables;
}

/** The fault status of a walk, level included. */
export const status = (walk: Walk): number => walk.fault & 0x3f;

export const ADDRESS_SIZE = 0b000000;
export const TRANSLATION = 0b000100;
export const ACCESS_FLAG = 0b001000;
export const EXTERNAL_ABORT = 0b010100;
