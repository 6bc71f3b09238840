import {
  ACCESS_KINDS,
  ALL_ALLOWED,
  FETCH_ACCESSES,
  FRAME_WORDS,
  KernelPanic,
  MemoryType,
  WRITE_ACCESSES,
  isWriteAccess,
  type Access,
  type CpuId,
  type FaultCode,
  type Mmu,
  type Pfn,
  type PhysicalMemory,
  type Tag,
  type Vpn,
  type Walk,
  type WalkCache,
} from "@aspace/arch";
import { Machine, type MachineOptions } from "../src/index.ts";

/**
 * An MMU for the machine's own tests, so that they depend on no architecture: three levels of tables
 * with eight entries each, so that leaves have 1, 8 or 64 pages and a root spans 512. An entry is a
 * word of bits and a word of frame number. All modes have the same rights.
 */
export const Bit = {
  PRESENT: 0x1,
  /** Above level 0: a leaf instead of a table. */
  LEAF: 0x2,
  WRITE: 0x4,
  EXECUTE: 0x8,
  GLOBAL: 0x10,
  ACCESSED: 0x20,
  DIRTY: 0x40,
  DEVICE: 0x80,
} as const;

const INDEX_BITS = 3;
const ROOT_LEVEL = 2;
export const ROOT_PAGES = 512;

/** Fault codes: what was wrong, plus the access kind. */
export const Fault = { ABSENT: 0x100, DENIED: 0x200 } as const;

export class FakeMmu implements Mmu {
  tag: Tag = 0;
  root: Pfn = 0;
  readonly tablePages: readonly number[] = [3, 6];
  faultEvicts = false;
  tracksDirty = false;
  /** Walks made so far: hits make none. */
  walks = 0;
  private readonly memory: PhysicalMemory;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
  }

  rootPfns(): readonly Pfn[] {
    return this.root === 0 ? [] : [this.root];
  }

  walk(vpn: Vpn, access: Access, cache: WalkCache | null, out: Walk): void {
    this.walks++;
    const found = cache !== null && cache.find(this.tag, vpn);
    const level = found ? cache.level : ROOT_LEVEL;
    const table = found ? cache.table : this.root;
    this.descend(vpn, access, { level, table }, cache, out);
    if (out.fault !== 0) return;
    this.memory.words[out.entry]! |= Bit.ACCESSED | (isWriteAccess(access) ? Bit.DIRTY : 0);
    out.accessed = true;
    out.dirty ||= isWriteAccess(access);
  }

  inspect(vpn: Vpn, access: Access, out: Walk): void {
    this.descend(vpn, access, { level: ROOT_LEVEL, table: this.root }, null, out);
  }

  deniedFault(_vpn: Vpn, access: Access, level: number): FaultCode {
    return Fault.DENIED + ACCESS_KINDS * level + access;
  }

  private descend(
    vpn: Vpn,
    access: Access,
    from: { level: number; table: Pfn },
    cache: WalkCache | null,
    out: Walk,
  ): void {
    let { level, table } = from;
    for (;;) {
      const index = Math.floor(vpn / 2 ** (INDEX_BITS * level)) % 2 ** INDEX_BITS;
      out.entry = table * FRAME_WORDS + 2 * index;
      out.level = level;
      const bits = this.memory.words[out.entry]!;
      const pfn = this.memory.words[out.entry + 1]! >>> 0;
      if ((bits & Bit.PRESENT) === 0) {
        out.present = false;
        out.fault = Fault.ABSENT + ACCESS_KINDS * level + access;
        return;
      }
      if (level === 0 || (bits & Bit.LEAF) !== 0) {
        this.readLeaf(bits, pfn, vpn, out);
        out.fault = (out.allowed >> access) & 1 ? 0 : this.deniedFault(vpn, access, level);
        return;
      }
      table = pfn;
      level--;
      cache?.fill(this.tag, vpn, level, table, ALL_ALLOWED);
    }
  }

  private readLeaf(bits: number, pfn: Pfn, vpn: Vpn, out: Walk): void {
    out.present = true;
    out.leafPages = INDEX_BITS * out.level;
    out.pfn = pfn + (vpn % 2 ** out.leafPages);
    out.global = (bits & Bit.GLOBAL) !== 0;
    out.accessed = (bits & Bit.ACCESSED) !== 0;
    out.dirty = (bits & Bit.DIRTY) !== 0;
    out.memoryType = (bits & Bit.DEVICE) !== 0 ? MemoryType.DEVICE : MemoryType.WRITE_BACK;
    const written = (bits & Bit.WRITE) !== 0 ? WRITE_ACCESSES : 0;
    const fetched = (bits & Bit.EXECUTE) !== 0 ? FETCH_ACCESSES : 0;
    const reads = ALL_ALLOWED & ~WRITE_ACCESSES & ~FETCH_ACCESSES;
    out.allowed = reads | written | fetched;
  }
}

/** A machine of fake MMUs: 256 frames, the lower 64 reserved, one CPU. */
export function fakeMachine(options: Partial<MachineOptions> = {}): Machine {
  return new Machine({
    architecture: { createMmu: (memory) => new FakeMmu(memory) },
    cpuCount: 1,
    frameCount: 256,
    firstFrame: 64,
    conflicts: "allowed",
    ...options,
  });
}

export function mmuOf(machine: Machine, cpu: CpuId = 0): FakeMmu {
  return machine.mmus[cpu] as FakeMmu;
}

/** Gives the machine an empty root and loads it, under tag 1, on every CPU. */
export function boot(machine: Machine): Pfn {
  const root = machine.tables.allocate();
  for (const cpu of machine.cpus) load(machine, cpu.id, root, 1);
  return root;
}

/** A context switch that flushes nothing. */
export function load(machine: Machine, cpu: CpuId, root: Pfn, tag: Tag): void {
  mmuOf(machine, cpu).root = root;
  mmuOf(machine, cpu).tag = tag;
}

/** Index in RAM's words of the entry of `vpn` at `level`, building tables (in place of leaves) down to it. */
export function entryOf(machine: Machine, root: Pfn, vpn: Vpn, level: number): number {
  const { words } = machine.memory;
  let table = root;
  for (let above = ROOT_LEVEL; ; above--) {
    const index = Math.floor(vpn / 2 ** (INDEX_BITS * above)) % 2 ** INDEX_BITS;
    const entry = table * FRAME_WORDS + 2 * index;
    if (above === level) return entry;
    if (words[entry] === 0 || (words[entry]! & Bit.LEAF) !== 0) {
      words[entry + 1] = machine.tables.allocate();
      words[entry] = Bit.PRESENT;
    }
    table = words[entry + 1]!;
  }
}

/** Writes a leaf of any level. No barrier, no invalidation: that is the test's business. */
export function setLeaf(
  machine: Machine,
  root: Pfn,
  leaf: { vpn: Vpn; pfn: Pfn; level?: number; bits?: number },
): void {
  const { vpn, pfn, level = 0, bits = Bit.WRITE } = leaf;
  const entry = entryOf(machine, root, vpn, level);
  machine.memory.words[entry] = Bit.PRESENT | bits | (level > 0 ? Bit.LEAF : 0);
  machine.memory.words[entry + 1] = pfn;
}

/** Clears an entry. */
export function clearEntry(machine: Machine, root: Pfn, vpn: Vpn, level: number): void {
  const entry = entryOf(machine, root, vpn, level);
  machine.memory.words.fill(0, entry, entry + 2);
}

/** Runs `action` and answers the rule of the KernelPanic that it must end in. */
export function panicRule(action: () => void): string {
  try {
    action();
  } catch (error) {
    if (error instanceof KernelPanic) return error.rule;
    throw error;
  }
  return "no panic";
}
