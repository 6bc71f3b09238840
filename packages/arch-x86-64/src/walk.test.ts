import {
  ACCESS_KINDS,
  ALL_ACCESSES,
  ALL_ALLOWED,
  Access,
  FRAME_WORDS,
  GUEST_TAGS,
  KernelPanic,
  MemoryType,
  NO_FAULT,
  accessName,
  decodeFields,
  emptyWalk,
  isFetchAccess,
  isUserAccess,
  isWriteAccess,
  type EntryLayout,
  type PhysicalMemory,
  type Tag,
  type Vpn,
  type Walk,
  type WalkCache,
} from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eptLayouts, layoutOf, pagingLayouts, type EntryLayouts } from "./entry-layout.ts";
import { EPT_MISCONFIGURATION, NON_CANONICAL, eptViolation, pageFault } from "./fault.ts";
import {
  Cr0,
  Cr3Flush,
  Cr4,
  Efer,
  IA32_PAT,
  encodeCr3,
  encodeEptp,
  kernelControls,
  type ControlRegisters,
  type X86Features,
} from "./registers.ts";
import { X86Mmu } from "./walk.ts";

const FEATURES: X86Features = { levels: 4, physBits: 46, page1Gb: true };
const LA57: X86Features = { levels: 5, physBits: 46, page1Gb: true };
const ROOT = 0x100;

/** Tables written by hand, as 64-bit numbers. The root is in frame 0x100, as in the worked examples. */
class HandMade implements PhysicalMemory {
  readonly frameCount: number = 0x110;
  readonly words: Int32Array = new Int32Array(this.frameCount * FRAME_WORDS);

  put(table: number, index: number, entry: bigint): void {
    const at = table * FRAME_WORDS + 2 * index;
    this.words[at] = Number(entry & 0xffff_ffffn) | 0;
    this.words[at + 1] = Number(entry >> 32n) | 0;
  }

  /** Puts another entry on the worked example's path. */
  replace(level: number, entry: bigint): void {
    this.put(ROOT + 3 - level, INDICES[level]!, entry);
  }

  /** The frames that hold tables, for comparing. */
  get tables(): Int32Array {
    return this.words.subarray(ROOT * FRAME_WORDS);
  }

  get(table: number, index: number): bigint {
    const at = table * FRAME_WORDS + 2 * index;
    const half = (word: number): bigint => BigInt(this.words[word]! >>> 0);
    return (half(at + 1) << 32n) | half(at);
  }
}

function pagingMmu(
  memory: PhysicalMemory,
  features: X86Features = FEATURES,
  controls: Partial<ControlRegisters> = {},
): X86Mmu {
  const mmu = new X86Mmu(memory, features, { ...kernelControls(features), ...controls });
  const { lo, hi } = encodeCr3(ROOT, 1, Cr3Flush.FLUSH);
  mmu.loadCr3(lo, hi);
  return mmu;
}

function guestMmu(memory: PhysicalMemory, features: X86Features = FEATURES): X86Mmu {
  const mmu = new X86Mmu(memory, features, kernelControls(features));
  const { lo, hi } = encodeEptp(ROOT);
  mmu.enterGuest(lo, hi);
  return mmu;
}

function inspect(mmu: X86Mmu, vpn: Vpn, access: Access): Walk {
  const out = emptyWalk();
  mmu.inspect(vpn, access, out);
  return out;
}

function walk(mmu: X86Mmu, vpn: Vpn, access: Access, cache: WalkCache | null = null): Walk {
  const out = emptyWalk();
  mmu.walk(vpn, access, cache, out);
  return out;
}

/** VA 0x0000123456789000: PML4 36, PDPT 209, PD 179, PT 393. */
const VPN = 0x1_2345_6789;
const INDICES = [393, 179, 209, 36] as const;

/** The tables of the worked example, with a given entry at one level instead of what is there. */
function workedExample(level = -1, entry = 0n): HandMade {
  const memory = new HandMade();
  const entries = [0x8000_0001_2345_6007n, 0x10_3007n, 0x10_2007n, 0x10_1007n];
  for (let at = 3; at >= 0; at--) {
    memory.put(ROOT + 3 - at, INDICES[at]!, at === level ? entry : entries[at]!);
  }
  return memory;
}

describe("X-1: the address", () => {
  test("X-1: the worked example's page is found through the four tables of the drawing", () => {
    const memory = workedExample();
    const found = inspect(pagingMmu(memory), VPN, Access.USER_READ);
    expect(found).toMatchObject({ fault: NO_FAULT, present: true, pfn: 0x12_3456, level: 0 });
    expect(found.entry).toBe(0x103c48 / 4);
  });

  test("X-1: with four levels bits 63:47 are equal, else #GP and no walk", () => {
    const mmu = pagingMmu(new HandMade());
    const absent = pageFault(0);
    const codeAt = (vpn: Vpn): number => inspect(mmu, vpn, Access.KERNEL_READ).fault;
    expect(codeAt(2 ** 35 - 1)).toBe(absent);
    expect(codeAt(2 ** 35)).toBe(NON_CANONICAL);
    expect(codeAt(2 ** 52 - 2 ** 35 - 1)).toBe(NON_CANONICAL);
    expect(codeAt(2 ** 52 - 2 ** 35)).toBe(absent);
    expect(codeAt(2 ** 51)).toBe(NON_CANONICAL);
    expect(inspect(mmu, 2 ** 35, Access.KERNEL_READ).entry).toBe(-1);
  });

  test("X-1: with five levels bits 63:56 are equal", () => {
    const mmu = pagingMmu(new HandMade(), LA57);
    const absent = pageFault(0);
    const codeAt = (vpn: Vpn): number => inspect(mmu, vpn, Access.KERNEL_READ).fault;
    expect(codeAt(2 ** 44 - 1)).toBe(absent);
    expect(codeAt(2 ** 44)).toBe(NON_CANONICAL);
    expect(codeAt(2 ** 52 - 2 ** 44 - 1)).toBe(NON_CANONICAL);
    expect(codeAt(2 ** 52 - 2 ** 44)).toBe(absent);
  });

  test("X-1: LA57 walks a fifth table above the four", () => {
    const memory = workedExample();
    memory.put(0x104, 0x1a5, 0x10_0007n);
    const mmu = pagingMmu(memory, LA57);
    const { lo, hi } = encodeCr3(0x104, 0, Cr3Flush.FLUSH);
    mmu.loadCr3(lo, hi);
    // Slot 0x1a5 is in the upper half: the canonical address has all ones above bit 56.
    const vpn = 2 ** 52 - 2 ** 45 + 0x1a5 * 2 ** 36 + VPN;
    expect(inspect(mmu, vpn, Access.USER_READ).pfn).toBe(0x12_3456);
    expect(inspect(mmu, VPN, Access.USER_READ).fault).toBe(pageFault(0x4));
    expect(mmu.tablePages).toEqual([9, 18, 27, 36]);
    expect(pagingMmu(memory).tablePages).toEqual([9, 18, 27]);
  });

  test("X-1: every index of every table is reached by its own address bits", () => {
    fc.assert(
      fc.property(
        fc.tuple(...INDICES.map(() => fc.integer({ min: 0, max: 511 }))),
        ([pt, pd, pdpt, pml4]) => {
          const memory = new HandMade();
          memory.put(ROOT, pml4!, 0x10_1007n);
          memory.put(0x101, pdpt!, 0x10_2007n);
          memory.put(0x102, pd!, 0x10_3007n);
          memory.put(0x103, pt!, 0x4_2007n);
          const sign = pml4! >= 256 ? 2 ** 52 - 2 ** 36 : 0;
          const vpn = sign + pml4! * 2 ** 27 + pdpt! * 2 ** 18 + pd! * 2 ** 9 + pt!;
          expect(inspect(pagingMmu(memory), vpn, Access.USER_READ).pfn).toBe(0x42);
        },
      ),
    );
  });

  test("X-6: a table outside RAM reads as zeroes, an absent entry", () => {
    // Also where the low half alone would name a table in RAM.
    for (const entry of [0x3fff_ffff_f007n, 0x1_0010_3007n, 0x800_0010_3007n]) {
      for (const level of [1, 2, 3]) {
        const found = walk(pagingMmu(workedExample(level, entry)), VPN, Access.USER_WRITE);
        expect(found).toMatchObject({ fault: pageFault(0x6), present: false, entry: -1 });
        expect(found.level).toBe(level - 1);
      }
    }
  });

  test("X-6: an MMU without a root translates nothing and points at no frame", () => {
    const mmu = new X86Mmu(workedExample(), FEATURES, kernelControls(FEATURES));
    expect(inspect(mmu, VPN, Access.USER_READ).fault).toBe(pageFault(0x4));
    expect(mmu.rootPfns()).toEqual([]);
  });
});

/** The bits that the layout of an entry says must be zero, and are not. */
const hasReservedBits = (layout: EntryLayout, entry: bigint): boolean =>
  layout.fields.some(
    ({ reserved, bit, width }) =>
      reserved === true && ((entry >> BigInt(bit)) & ((1n << BigInt(width)) - 1n)) !== 0n,
  );

describe("X-7: absent and reserved", () => {
  test("X-7: an absent entry at any level stops the walk there, whatever its other bits", () => {
    for (const level of [0, 1, 2, 3]) {
      for (const entry of [0n, 0xffff_ffff_ffff_fffen]) {
        const found = inspect(pagingMmu(workedExample(level, entry)), VPN, Access.USER_WRITE);
        expect(found).toMatchObject({ fault: pageFault(0x6), present: false, level, allowed: 0 });
      }
    }
  });

  /** A well-formed entry of each kind that fits at a level: a table where there is one below, and leaves. */
  const SPECIMENS: readonly (readonly [level: number, entry: bigint])[] = [
    [0, 0x4_2007n],
    [1, 0x10_3007n],
    [1, 0x20_0087n],
    [2, 0x10_2007n],
    [2, 0x4000_0087n],
    [3, 0x10_1007n],
  ];

  test("X-7: each of the 64 bits of each entry at each level is reserved exactly where the tables say", () => {
    for (const physBits of [36, 46, 51, 52]) {
      const layouts = pagingLayouts(physBits);
      for (const [level, entry] of SPECIMENS) {
        const memory = workedExample();
        const mmu = pagingMmu(memory, { ...FEATURES, physBits });
        for (let bit = 1n; bit < 64n; bit++) {
          const changed = entry ^ (1n << bit);
          const layout = layoutOf(layouts, level, Number(changed & 0xffff_ffffn));
          memory.replace(level, changed);
          const found = inspect(mmu, VPN, Access.KERNEL_READ);
          const isReserved = hasReservedBits(layout, changed);
          const context = `${layout.name} level ${level} bit ${bit} M=${physBits}`;
          expect((found.fault & 0x8) !== 0, context).toBe(isReserved);
          if (isReserved) expect(found, context).toMatchObject({ fault: pageFault(0x9), level });
        }
      }
    }
  });

  test("X-7: bit 7 is reserved in a PML4E and a PML5E, and in a PDPTE without 1 GiB pages", () => {
    const la57 = new HandMade();
    la57.put(ROOT, 0, 0x10_0087n);
    expect(inspect(pagingMmu(la57, LA57), 0, Access.KERNEL_READ).fault).toBe(pageFault(0x9));
    const pml4e = workedExample(3, 0x10_1087n);
    expect(inspect(pagingMmu(pml4e), VPN, Access.KERNEL_READ).fault).toBe(pageFault(0x9));
    const pdpte = workedExample(2, 0x4000_0087n);
    const without = { ...FEATURES, page1Gb: false };
    expect(inspect(pagingMmu(pdpte, without), VPN, Access.KERNEL_READ).fault).toBe(pageFault(0x9));
  });

  test("X-7: XD is reserved at every level while EFER.NXE is 0", () => {
    for (const [level, entry] of SPECIMENS) {
      const memory = workedExample(level, entry | (1n << 63n));
      // Without NXE the worked example's own leaf is malformed as well.
      if (level > 0) memory.put(0x103, INDICES[0], 0x4_2007n);
      const off = pagingMmu(memory, FEATURES, { efer: 0 });
      const on = pagingMmu(memory, FEATURES, { efer: Efer.NXE });
      expect(inspect(off, VPN, Access.USER_READ)).toMatchObject({ fault: pageFault(0xd), level });
      expect(inspect(on, VPN, Access.USER_READ).fault & 0x8).toBe(0);
    }
  });

  test("X-7: a reserved bit is found on the way, before a lower entry is", () => {
    const memory = workedExample(3, 0x10_1087n);
    memory.put(0x103, INDICES[0], 0n);
    expect(inspect(pagingMmu(memory), VPN, Access.USER_WRITE).fault).toBe(pageFault(0xf));
  });
});

/** The rows of the manual's table of access rights, spelled out. Intel SDM vol. 3A, 4.6.1. */
function manualAllows(
  access: Access,
  page: { user: boolean; writable: boolean; noExecute: boolean },
  mode: { wp: boolean; smep: boolean; smap: boolean },
): boolean {
  const windowOpen = access >= Access.COPY_READ;
  if (isUserAccess(access)) {
    if (!page.user) return false;
    if (isFetchAccess(access)) return !page.noExecute;
    return isWriteAccess(access) ? page.writable : true;
  }
  if (isFetchAccess(access)) {
    if (page.noExecute) return false;
    return !(page.user && mode.smep);
  }
  if (page.user && mode.smap && !windowOpen) return false;
  if (isWriteAccess(access)) return page.writable || !mode.wp;
  return true;
}

/** The error code of a denied or absent access in that mode. */
function manualError(access: Access, present: boolean, tellsFetches: boolean): number {
  let error = present ? 0x1 : 0;
  if (isWriteAccess(access)) error |= 0x2;
  if (isUserAccess(access)) error |= 0x4;
  if (isFetchAccess(access) && tellsFetches) error |= 0x10;
  return error;
}

const BOOLEANS = [false, true];

const permissionBits = (combination: number): bigint =>
  (BigInt(combination & 3) << 1n) | (BigInt(combination >> 2) << 63n);

describe("X-8: access rights (P-M2)", () => {
  const MODES = BOOLEANS.flatMap((wp) =>
    BOOLEANS.flatMap((smep) => BOOLEANS.map((smap) => ({ wp, smep, smap }))),
  );

  function mmuIn(memory: PhysicalMemory, mode: (typeof MODES)[number]): X86Mmu {
    const smep = mode.smep ? Cr4.SMEP : 0;
    return pagingMmu(memory, FEATURES, {
      cr0: mode.wp ? Cr0.WP : 0,
      cr4: Cr4.PGE | Cr4.PCIDE | smep | (mode.smap ? Cr4.SMAP : 0),
    });
  }

  test("X-8: every RW, US, XD at two levels, every access, every WP, SMEP, SMAP", () => {
    const tables = [0n, 0x10_3001n, 0x10_2001n, 0x10_1001n];
    const wrong: string[] = [];
    for (const upperLevel of [1, 2, 3]) {
      const memory = workedExample();
      for (let combination = 0; combination < 64; combination++) {
        const upper = combination & 7;
        const lower = combination >> 3;
        memory.replace(upperLevel, tables[upperLevel]! | permissionBits(upper));
        memory.replace(0, 0x4_2001n | permissionBits(lower));
        const page = {
          writable: (upper & lower & 1) !== 0,
          user: (upper & lower & 2) !== 0,
          noExecute: ((upper | lower) & 4) !== 0,
        };
        for (const mode of MODES) {
          const mmu = mmuIn(memory, mode);
          for (const access of ALL_ACCESSES) {
            const found = inspect(mmu, VPN, access);
            const expected = manualAllows(access, page, mode);
            const fault = expected ? NO_FAULT : pageFault(manualError(access, true, true));
            const isRight =
              found.present &&
              ((found.allowed >> access) & 1) === +expected &&
              found.fault === fault;
            if (!isRight) wrong.push(`${accessName(access)} ${JSON.stringify({ page, mode })}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("X-8: large leaves are judged like pages", () => {
    for (const [level, entry] of [
      [1, 0x20_0081n],
      [2, 0x4000_0081n],
    ] as const) {
      for (let combination = 0; combination < 8; combination++) {
        const memory = workedExample(level, entry | permissionBits(combination));
        const page = {
          writable: (combination & 1) !== 0,
          user: (combination & 2) !== 0,
          noExecute: (combination & 4) !== 0,
        };
        const mode = { wp: true, smep: true, smap: true };
        const { allowed } = inspect(mmuIn(memory, mode), VPN, Access.KERNEL_READ);
        for (const access of ALL_ACCESSES) {
          expect(((allowed >> access) & 1) === 1).toBe(manualAllows(access, page, mode));
        }
      }
    }
  });

  test("X-11: I/D is told only if NXE or SMEP is on", () => {
    for (const nxe of BOOLEANS) {
      for (const smep of BOOLEANS) {
        const mmu = pagingMmu(new HandMade(), FEATURES, {
          cr4: Cr4.PCIDE | (smep ? Cr4.SMEP : 0),
          efer: nxe ? Efer.NXE : 0,
        });
        for (const access of ALL_ACCESSES) {
          const error = manualError(access, false, nxe || smep);
          expect(inspect(mmu, VPN, access).fault).toBe(pageFault(error));
        }
      }
    }
  });

  test("X-11: a denial by a cached translation has the code that a walk would give", () => {
    const mmu = pagingMmu(workedExample(0, 0x8000_0000_0004_2001n));
    for (const access of [Access.USER_READ, Access.KERNEL_WRITE, Access.KERNEL_FETCH]) {
      expect(mmu.deniedFault(VPN, access, 0)).toBe(inspect(mmu, VPN, access).fault);
    }
  });
});

/** The worked example's entries from the root down. */
const entriesOf = (memory: HandMade): bigint[] =>
  [3, 2, 1, 0].map((level) => memory.get(ROOT + 3 - level, INDICES[level]!));

describe("X-9: accessed and dirty bits", () => {
  test("X-9: one user write sets A on the path and D in the leaf: the worked example (P-M10)", () => {
    const memory = workedExample();
    const found = walk(pagingMmu(memory), VPN, Access.USER_WRITE);
    expect(found).toMatchObject({ fault: NO_FAULT, accessed: true, dirty: true });
    expect(entriesOf(memory)).toEqual([
      0x0000_0000_0010_1027n,
      0x0000_0000_0010_2027n,
      0x0000_0000_0010_3027n,
      0x8000_0001_2345_6067n,
    ]);
  });

  test("X-9: a read leaves D alone, and a later write sets it", () => {
    const memory = workedExample();
    const mmu = pagingMmu(memory);
    expect(walk(mmu, VPN, Access.USER_READ)).toMatchObject({ accessed: true, dirty: false });
    expect(memory.get(0x103, INDICES[0])).toBe(0x8000_0001_2345_6027n);
    expect(walk(mmu, VPN, Access.COPY_WRITE)).toMatchObject({ accessed: true, dirty: true });
    expect(memory.get(0x103, INDICES[0])).toBe(0x8000_0001_2345_6067n);
  });

  test("X-9: a large leaf has A and D of its own", () => {
    const memory = workedExample(1, 0x8000_0000_c000_0087n);
    walk(pagingMmu(memory), VPN, Access.USER_WRITE);
    expect(memory.get(0x102, INDICES[1])).toBe(0x8000_0000_c000_00e7n);
  });

  test("X-9: a faulting access sets nothing, and an inspection never does", () => {
    const memory = workedExample();
    const before = memory.tables.slice();
    const mmu = pagingMmu(memory);
    expect(walk(mmu, VPN, Access.USER_FETCH).fault).toBe(pageFault(0x15));
    expect(walk(mmu, VPN, Access.KERNEL_WRITE).fault).toBe(pageFault(0x3));
    expect(inspect(mmu, VPN, Access.USER_WRITE)).toMatchObject({ accessed: false, dirty: false });
    expect(memory.tables).toEqual(before);
  });

  test("X-9: A above does not stand for A below", () => {
    const memory = workedExample(3, 0x10_1027n);
    walk(pagingMmu(memory), VPN, Access.USER_READ);
    expect(entriesOf(memory).every((entry) => (entry & 0x20n) !== 0n)).toBe(true);
  });
});

/** The highest physical address. */
const topAddress = (physBits: number): bigint => (1n << BigInt(physBits)) - 1n;

describe("X-14: what a leaf says", () => {
  test("X-14: the PAT index picks a byte of IA32_PAT, from bits 7, 4, 3 of a PTE and 12, 4, 3 of larger leaves", () => {
    const expected = [
      MemoryType.WRITE_BACK,
      MemoryType.OTHER,
      MemoryType.UNCACHED,
      MemoryType.UNCACHED,
      MemoryType.WRITE_BACK,
      MemoryType.OTHER,
      MemoryType.UNCACHED,
      MemoryType.WRITE_COMBINING,
    ];
    for (const [level, entry, patBit] of [
      [0, 0x4_2007n, 7n],
      [1, 0x20_0087n, 12n],
      [2, 0x4000_0087n, 12n],
    ] as const) {
      const types = expected.map((_, index) => {
        const pat = (BigInt(index & 3) << 3n) | (BigInt(index >> 2) << patBit);
        const mmu = pagingMmu(workedExample(level, entry | pat));
        return inspect(mmu, VPN, Access.USER_READ).memoryType;
      });
      expect(types).toEqual(expected);
    }
  });

  test("X-14: a reserved memory type cannot be written to IA32_PAT", () => {
    for (const type of [2, 3, 8, 0xff]) {
      const pat = { lo: IA32_PAT.lo, hi: (IA32_PAT.hi & ~0xff) | type };
      expect(() => pagingMmu(new HandMade(), FEATURES, { pat })).toThrow(KernelPanic);
    }
  });

  test("X-14: G makes a leaf global if CR4.PGE is on", () => {
    const memory = workedExample(0, 0x4_2107n);
    const without = pagingMmu(memory, FEATURES, { cr4: Cr4.PCIDE });
    expect(inspect(pagingMmu(memory), VPN, Access.USER_READ).global).toBe(true);
    expect(inspect(without, VPN, Access.USER_READ).global).toBe(false);
    expect(inspect(pagingMmu(workedExample()), VPN, Access.USER_READ).global).toBe(false);
  });

  test("X-2: a large leaf gives the frame of the very page, without its PAT bit (P-Q2)", () => {
    const before = inspect(pagingMmu(workedExample(1, 0xc000_1087n)), VPN - 1, Access.USER_READ);
    expect(before.pfn).toBe(0xc_0000 + INDICES[0] - 1);
    const found2M = inspect(pagingMmu(workedExample(1, 0xc000_1087n)), VPN, Access.USER_READ);
    expect(found2M).toMatchObject({ level: 1, leafPages: 9, pfn: 0xc_0000 + INDICES[0] });
    const found1G = inspect(pagingMmu(workedExample(2, 0x1_4000_1087n)), VPN, Access.USER_READ);
    const offset = INDICES[1] * 512 + INDICES[0];
    expect(found1G).toMatchObject({ level: 2, leafPages: 18, pfn: 0x14_0000 + offset });
  });

  test("X-2: frames beyond 32 address bits come out whole, up to MAXPHYADDR", () => {
    for (const physBits of [36, 46, 52]) {
      const mmuOf = (level: number, entry: bigint): X86Mmu =>
        pagingMmu(workedExample(level, entry), { ...FEATURES, physBits });
      const pfn = (level: number, entry: bigint): number =>
        inspect(mmuOf(level, entry), VPN, Access.USER_READ).pfn;
      const last = 2 ** (physBits - 12);
      expect(pfn(0, (topAddress(physBits) & ~0xfffn) | 7n)).toBe(last - 1);
      expect(pfn(1, (topAddress(physBits) & ~0x1f_ffffn) | 0x87n)).toBe(last - 512 + INDICES[0]);
      expect(pfn(2, (topAddress(physBits) & ~0x3fff_ffffn) | 0x87n)).toBe(
        last - 2 ** 18 + INDICES[1] * 512 + INDICES[0],
      );
    }
  });
});

/** A walk cache that keeps everything, as a list of steps. */
class ListedSteps implements WalkCache {
  level = 0;
  table = 0;
  rights = 0;
  readonly steps = new Map<string, { table: number; rights: number }>();

  find(tag: Tag, vpn: Vpn): boolean {
    for (let level = 0; level < 4; level++) {
      const step = this.steps.get(this.#key(tag, vpn, level));
      if (step === undefined) continue;
      this.level = level;
      this.table = step.table;
      this.rights = step.rights;
      return true;
    }
    return false;
  }

  fill(tag: Tag, vpn: Vpn, level: number, table: number, rights: number): void {
    this.steps.set(this.#key(tag, vpn, level), { table, rights });
  }

  tables(): number[] {
    return [...this.steps.values()].map(({ table }) => table);
  }

  #key(tag: Tag, vpn: Vpn, level: number): string {
    return `${tag}:${level}:${Math.floor(vpn / 2 ** (9 * (level + 1)))}`;
  }
}

const vpnOf = ([a, b, c, d]: readonly number[]): Vpn => ((a! * 512 + b!) * 512 + c!) * 512 + d!;

/** Four tables, each of whose entries leads to the one table below; leaves by their index. */
function randomTables(rows: readonly (readonly bigint[])[]): HandMade {
  const memory = new HandMade();
  for (const [depth, row] of rows.entries()) {
    for (const [at, slot] of [0, 1, 255].entries()) {
      const target = depth === 3 ? 0x40 + slot : ROOT + depth + 1;
      const bits = row[at]!;
      memory.put(ROOT + depth, slot, bits === 0n ? 0n : bits | (BigInt(target) << 12n));
    }
  }
  return memory;
}

describe("X-10: the walk cache", () => {
  test("X-10: a successful walk caches every table on its path under the tag", () => {
    const cache = new ListedSteps();
    walk(pagingMmu(workedExample()), VPN, Access.USER_READ, cache);
    expect(cache.tables()).toEqual([0x101, 0x102, 0x103]);
    expect([...cache.steps.keys()].every((key) => key.startsWith("1:"))).toBe(true);
  });

  test("X-10: a faulting walk caches only tables whose entries are accessed, from the root down", () => {
    const denied = new ListedSteps();
    const memory = workedExample(2, 0x10_2027n);
    walk(pagingMmu(memory), VPN, Access.KERNEL_READ, denied);
    expect(denied.tables()).toEqual([]);
    memory.put(ROOT, INDICES[3], 0x10_1027n);
    walk(pagingMmu(memory), VPN, Access.KERNEL_READ, denied);
    expect(denied.tables()).toEqual([0x101, 0x102]);
  });

  test("X-10: absent and malformed entries are never cached", () => {
    for (const entry of [0n, 0x1f_e0a7n]) {
      const cache = new ListedSteps();
      walk(pagingMmu(workedExample(1, entry)), VPN, Access.USER_READ, cache);
      expect(cache.tables()).toEqual([]);
    }
  });

  test("X-10: a walk from a cached step reads nothing above it", () => {
    const memory = workedExample();
    const mmu = pagingMmu(memory);
    const cache = new ListedSteps();
    walk(mmu, VPN, Access.USER_READ, cache);
    memory.put(ROOT, INDICES[3], 0n);
    expect(walk(mmu, VPN, Access.USER_READ, cache).pfn).toBe(0x12_3456);
    expect(walk(mmu, VPN, Access.USER_READ).fault).toBe(pageFault(0x4));
  });

  const flagBits = fc
    .tuple(fc.integer({ min: 0, max: 7 }), fc.boolean(), fc.boolean())
    .map(
      ([rights, accessed, absent]) =>
        (absent && rights === 0 ? 0n : 1n) |
        (BigInt(rights & 3) << 1n) |
        (accessed ? 0x20n : 0n) |
        (BigInt(rights >> 2) << 63n),
    );
  const index = fc.constantFrom(0, 1, 255);
  const slots = fc.tuple(index, index, index, index);
  const visits = fc.array(fc.tuple(slots, fc.integer({ min: 0, max: ACCESS_KINDS - 1 })), {
    maxLength: 20,
  });
  test("X-10: with and without the cache, walks answer alike and leave the same memory", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(flagBits, { minLength: 3, maxLength: 3 }), {
          minLength: 4,
          maxLength: 4,
        }),
        visits,
        fc.boolean(),
        (rows, sequence, isGuest) => {
          const [warmMemory, coldMemory] = [randomTables(rows), randomTables(rows)];
          const make = isGuest ? guestMmu : pagingMmu;
          const [warm, cold] = [make(warmMemory), make(coldMemory)];
          const cache = new ListedSteps();
          for (const [path, access] of sequence) {
            const vpn = vpnOf(path);
            const found = walk(warm, vpn, access as Access, cache);
            expect(found).toEqual(walk(cold, vpn, access as Access));
          }
          expect(warmMemory.tables).toEqual(coldMemory.tables);
        },
      ),
    );
  });
});

/** The EPT tables of the worked example: a table is 7, the leaf R, W, X and write-back. */
function guestExample(level = -1, entry = 0n): HandMade {
  const memory = workedExample(level, entry);
  if (level !== 0) memory.put(0x103, INDICES[0], 0x1234_5037n);
  return memory;
}

/** The manual's conditions on a present entry, spelled out over its fields. */
function isMisconfigured(layouts: EntryLayouts, level: number, entry: bigint): boolean {
  const [lo, hi] = [Number(entry & 0xffff_ffffn) | 0, Number(entry >> 32n) | 0];
  const layout = layoutOf(layouts, level, lo);
  const fields = decodeFields(layout, lo, hi);
  if (fields["R"] === 0) return true;
  if (layout.fields.some(({ name, reserved }) => reserved === true && fields[name] !== 0)) {
    return true;
  }
  return [2, 3, 7].includes(fields["MT"] ?? 0);
}

/** The memory type of a guest's page whose EPT entry has that type code. */
const eptTypeOf = (code: bigint): number =>
  inspect(guestMmu(guestExample(0, 0x4_2007n | (code << 3n))), VPN, Access.USER_READ).memoryType;

describe("X-12: extended page tables", () => {
  const FINAL = 0x180;

  test("X-12: the worked example, by guest-physical address", () => {
    const found = inspect(guestMmu(guestExample()), VPN, Access.USER_READ);
    expect(found).toMatchObject({ fault: NO_FAULT, pfn: 0x1_2345, allowed: ALL_ALLOWED });
    expect(found).toMatchObject({ global: false, memoryType: MemoryType.WRITE_BACK });
  });

  test("X-12: large leaves of both sizes; the latter only with 1 GiB pages", () => {
    const at2M = inspect(guestMmu(guestExample(1, 0x4000_00b7n)), VPN, Access.USER_READ);
    expect(at2M).toMatchObject({ level: 1, leafPages: 9, pfn: 0x4_0000 + INDICES[0] });
    const memory = guestExample(2, 0x4000_00b7n);
    const at1G = inspect(guestMmu(memory), VPN, Access.USER_READ);
    expect(at1G).toMatchObject({ level: 2, pfn: 0x4_0000 + INDICES[1] * 512 + INDICES[0] });
    const without = guestMmu(memory, { ...FEATURES, page1Gb: false });
    expect(inspect(without, VPN, Access.USER_READ).fault).toBe(EPT_MISCONFIGURATION);
  });

  test("X-12: R, W, X of two levels are ANDed, whatever the guest's mode", () => {
    const legal = [0b001, 0b011, 0b101, 0b111];
    for (const upper of legal) {
      for (const lower of legal) {
        for (const upperLevel of [1, 2, 3]) {
          const tables = [0, 0x10_3000, 0x10_2000, 0x10_1000];
          const memory = guestExample(upperLevel, BigInt(tables[upperLevel]! | upper));
          memory.put(0x103, INDICES[0], BigInt(0x4_2030 | lower));
          const rights = upper & lower;
          const mmu = guestMmu(memory);
          for (const access of ALL_ACCESSES) {
            const kind = isWriteAccess(access) ? 0b010 : 0b001;
            const needed = isFetchAccess(access) ? 0b100 : kind;
            const isAllowed = (rights & needed) !== 0;
            const found = inspect(mmu, VPN, access);
            expect(((found.allowed >> access) & 1) === 1).toBe(isAllowed);
            expect(found.present).toBe(true);
            expect(found.fault).toBe(
              isAllowed ? NO_FAULT : eptViolation(needed | (rights << 3) | FINAL),
            );
          }
        }
      }
    }
  });

  test("X-12: an entry without R, W and X is absent, whatever else it holds", () => {
    for (const level of [0, 1, 2, 3]) {
      const mmu = guestMmu(guestExample(level, 0xffff_ffff_ffff_fff8n));
      const found = inspect(mmu, VPN, Access.KERNEL_FETCH);
      expect(found).toMatchObject({ fault: eptViolation(0b100 | FINAL), present: false, level });
    }
  });

  test("X-12: guest-physical addresses end after 48 bits, and tables at the end of RAM", () => {
    const absent = eptViolation(0b001 | FINAL);
    expect(inspect(guestMmu(guestExample()), VPN + 2 ** 36, Access.USER_READ).fault).toBe(absent);
    const outside = guestMmu(guestExample(2, 0x3fff_ffff_f007n));
    expect(inspect(outside, VPN, Access.USER_READ)).toMatchObject({ fault: absent, entry: -1 });
  });

  test("X-12: each pair of bits of each entry at each level misconfigures it exactly where the manual says", () => {
    const specimens = [
      [0, 0x4_2037n],
      [1, 0x10_3007n],
      [1, 0x20_00b7n],
      [2, 0x10_2007n],
      [2, 0x4000_00b7n],
      [3, 0x10_1007n],
    ] as const;
    const layouts = eptLayouts(46);
    for (const [level, entry] of specimens) {
      const memory = guestExample();
      const mmu = guestMmu(memory);
      for (let bit = 0n; bit < 64n; bit++) {
        for (let other = 0n; other < 8n; other++) {
          const changed = entry ^ ((1n << bit) | (1n << other));
          if ((changed & 7n) === 0n) continue;
          memory.replace(level, changed);
          const found = inspect(mmu, VPN, Access.USER_READ);
          const context = `level ${level} 0x${changed.toString(16)}`;
          const expected = isMisconfigured(layouts, level, changed);
          expect(found.fault === EPT_MISCONFIGURATION, context).toBe(expected);
        }
      }
    }
  });

  test("X-12: write-only, write-execute and execute-only entries are misconfigured, not denied", () => {
    for (const level of [0, 1, 2, 3]) {
      for (const rights of [0b010n, 0b100n, 0b110n]) {
        const found = inspect(guestMmu(guestExample(level, rights)), VPN, Access.USER_WRITE);
        expect(found).toMatchObject({ fault: EPT_MISCONFIGURATION, level, present: false });
      }
    }
  });

  test("X-14: EPT memory types; bits 5:3 of a leaf", () => {
    expect([0n, 1n, 4n, 5n, 6n].map(eptTypeOf)).toEqual([
      MemoryType.UNCACHED,
      MemoryType.WRITE_COMBINING,
      MemoryType.OTHER,
      MemoryType.OTHER,
      MemoryType.WRITE_BACK,
    ]);
  });

  test("X-9: an EPT walk writes nothing, since EPTP bit 6 is 0", () => {
    const memory = guestExample();
    const before = memory.tables.slice();
    const found = walk(guestMmu(memory), VPN, Access.USER_WRITE);
    expect(found).toMatchObject({ fault: NO_FAULT, accessed: false, dirty: false });
    expect(memory.tables).toEqual(before);
    expect(guestMmu(memory).tracksDirty).toBe(false);
    expect(pagingMmu(memory).tracksDirty).toBe(true);
  });

  test("X-10: without accessed bits a faulting EPT walk may cache every table it went through", () => {
    const cache = new ListedSteps();
    walk(guestMmu(guestExample(0, 0n)), VPN, Access.USER_READ, cache);
    expect(cache.tables()).toEqual([0x101, 0x102, 0x103]);
  });

  test("X-12: a denial by a cached translation reports the rights that memory shows", () => {
    const mmu = guestMmu(guestExample(0, 0x4_2035n));
    const denied = eptViolation(0b010 | (0b101 << 3) | FINAL);
    expect(mmu.deniedFault(VPN, Access.KERNEL_WRITE, 0)).toBe(denied);
    const stale = guestMmu(guestExample());
    expect(stale.deniedFault(VPN, Access.USER_WRITE, 0)).toBe(denied);
  });
});

describe("X-13: registers of the MMU", () => {
  test("X-13: the tag is the PCID, or 0 while CR4.PCIDE is 0", () => {
    const { lo, hi } = encodeCr3(ROOT, 0x123, Cr3Flush.KEEP);
    const mmu = pagingMmu(new HandMade());
    mmu.loadCr3(lo, hi);
    expect([mmu.tag, mmu.pcid]).toEqual([0x123, 0x123]);
    const without = pagingMmu(new HandMade(), FEATURES, { cr4: Cr4.PGE });
    without.loadCr3(lo, hi);
    expect([without.tag, without.pcid]).toEqual([0, 0]);
    expect(without.rootPfns()).toEqual([ROOT]);
  });

  test("X-13: a guest has the tag of its EPT root; the host's CR3 waits underneath", () => {
    const mmu = pagingMmu(workedExample());
    const { lo, hi } = encodeEptp(0x105);
    mmu.enterGuest(lo, hi);
    expect(mmu.tag).toBe(GUEST_TAGS + 0x105);
    expect(mmu.pcid).toBe(1);
    expect(mmu.rootPfns()).toEqual([ROOT, 0x105]);
    mmu.leaveGuest();
    expect(mmu.tag).toBe(1);
    expect(mmu.rootPfns()).toEqual([ROOT]);
    expect(inspect(mmu, VPN, Access.USER_READ).fault).toBe(NO_FAULT);
  });

  test("X-13: CR3 and EPTP with bits that this CPU does not take panic", () => {
    const mmu = pagingMmu(new HandMade());
    expect(() => mmu.loadCr3(0, 1 << 14)).toThrow("X-13");
    const bad = [
      [0x1e, 1 << 14],
      [0x5e, 0],
      [0x1f, 0],
      [0x16, 0],
      [0x9e, 0],
    ] as const;
    for (const [lo, hi] of bad) expect(() => mmu.enterGuest(lo, hi)).toThrow("X-13");
  });
});
