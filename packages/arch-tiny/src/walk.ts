import {
  ALL_ALLOWED,
  type Access,
  FRAME_WORDS,
  type FaultCode,
  GUEST_TAGS,
  MemoryType,
  type Mmu,
  NO_FRAME,
  type Pfn,
  type PhysicalMemory,
  type Tag,
  VPN_LIMIT,
  type Vpn,
  type Walk,
  type WalkCache,
  isWriteAccess,
} from "@aspace/arch";
import { FaultCause, faultCode } from "./fault.ts";
import { RESET_CONTEXT, type TinyContext } from "./registers.ts";
import type { TinyVariant } from "./variant.ts";

/*
 * The MMU, written from the drawing in SPEC.md alone: it has its own masks and shares nothing with
 * the encoder that it judges.
 */

const TOP_LEVEL = 3;
const TREE_PAGES = 4096;
const UPPER_HALF = VPN_LIMIT - TREE_PAGES;

const VALID = 1 << 0;
const LEAF = 1 << 1;
const ACCESSED = 1 << 5;
const DIRTY = 1 << 6;
const GLOBAL = 1 << 7;
const TABLE_RESERVED_LO = 0xfffc;
const LEAF_RESERVED_LO = 0xfc00;
const TABLE_RESERVED_HI = 0x7fffff00;
const LEAF_RESERVED_HI = 0xffffff00 | 0;

/** The type field, bits 9:8. */
const MEMORY_TYPES = [
  MemoryType.WRITE_BACK,
  MemoryType.WRITE_COMBINING,
  MemoryType.DEVICE,
  MemoryType.UNCACHED,
] as const;

/** Rights are entry bits 4:2, that is W, X and U, from the lowest. */
const RIGHTS_BIT = 2;
const WRITABLE = 1;
const EXECUTABLE = 2;
const USER = 4;

/** Access kinds, three bits each (fetch, write, read) for user-copy, kernel and user. */
const OWNED_BY_USER = 0b011_000_111;
const OWNED_BY_KERNEL = 0b111_111_000;
const WRITES = 0b010_010_010;
const FETCHES = 0b100_100_100;

/** In a guest all modes are alike and U means nothing. Indexed by rights. */
const GUEST_ALLOWED = Array.from(
  { length: 8 },
  (_, rights) =>
    ALL_ALLOWED &
    ~((rights & WRITABLE) === 0 ? WRITES : 0) &
    ~((rights & EXECUTABLE) === 0 ? FETCHES : 0),
);

/** The kernel reaches a user page only through the user-copy window, and never runs it. */
const ALLOWED = GUEST_ALLOWED.map(
  (allowed, rights) => allowed & ((rights & USER) === 0 ? OWNED_BY_KERNEL : OWNED_BY_USER),
);

export class TinyMmu implements Mmu {
  readonly tablePages: readonly number[] = [3, 6, 9];
  readonly faultEvicts: boolean = false;
  readonly tracksDirty: boolean;
  readonly #memory: PhysicalMemory;
  readonly #setsBits: boolean;
  #context: TinyContext = RESET_CONTEXT;

  constructor(memory: PhysicalMemory, variant: TinyVariant) {
    this.#memory = memory;
    this.#setsBits = variant.accessedBy === "hardware";
    this.tracksDirty = this.#setsBits;
  }

  get tag(): Tag {
    return this.#context.tag;
  }

  load(context: TinyContext): void {
    this.#context = context;
  }

  rootPfns(): readonly Pfn[] {
    const { lowerRoot, upperRoot } = this.#context;
    return [lowerRoot, upperRoot].filter((root) => root !== NO_FRAME);
  }

  walk(vpn: Vpn, access: Access, cache: WalkCache | null, out: Walk): void {
    this.#translate(vpn, access, cache, out);
    if (out.fault !== 0 || !this.#setsBits) return;
    const bits = isWriteAccess(access) ? ACCESSED | DIRTY : ACCESSED;
    this.#memory.words[out.entry]! |= bits;
    out.accessed = true;
    out.dirty ||= isWriteAccess(access);
  }

  inspect(vpn: Vpn, access: Access, out: Walk): void {
    this.#translate(vpn, access, null, out);
  }

  deniedFault(_vpn: Vpn, access: Access, level: number): FaultCode {
    return faultCode(FaultCause.DENIED, level, access);
  }

  #translate(vpn: Vpn, access: Access, cache: WalkCache | null, out: Walk): void {
    let level = TOP_LEVEL;
    let table = this.#rootOf(vpn);
    out.present = false;
    out.entry = -1;
    if (vpn >= TREE_PAGES && vpn < UPPER_HALF) return stop(out, FaultCause.ADDRESS, level, access);
    if (table === NO_FRAME) return stop(out, FaultCause.ABSENT, level, access);
    if (cache !== null && cache.find(this.tag, vpn)) ({ level, table } = cache);
    const { words, frameCount } = this.#memory;
    for (; ; level--) {
      if (table >= frameCount) return stop(out, FaultCause.MALFORMED, level, access);
      const entry = table * FRAME_WORDS + 2 * indexAt(vpn, level);
      const lo = words[entry]!;
      const hi = words[entry + 1]!;
      out.entry = entry;
      if ((lo & VALID) === 0) return stop(out, FaultCause.ABSENT, level, access);
      if (isMalformed(lo, hi, level)) return stop(out, FaultCause.MALFORMED, level, access);
      if ((lo & LEAF) !== 0) return this.#finish(vpn, access, lo, hi, level, out);
      table = frameIn(lo, hi);
      if (cache !== null) cache.fill(this.tag, vpn, level - 1, table, 0);
    }
  }

  #rootOf(vpn: Vpn): Pfn {
    return vpn < TREE_PAGES ? this.#context.lowerRoot : this.#context.upperRoot;
  }

  /** The walk has reached a leaf: what it says, and whether it allows the access. */
  #finish(vpn: Vpn, access: Access, lo: number, hi: number, level: number, out: Walk): void {
    const pages = 1 << (3 * level);
    const allowed = this.tag >= GUEST_TAGS ? GUEST_ALLOWED : ALLOWED;
    out.present = true;
    out.level = level;
    out.leafPages = 3 * level;
    out.pfn = frameIn(lo, hi) + (vpn % pages);
    out.global = (lo & GLOBAL) !== 0;
    out.accessed = (lo & ACCESSED) !== 0;
    out.dirty = (lo & DIRTY) !== 0;
    out.memoryType = MEMORY_TYPES[(lo >> 8) & 3]!;
    out.allowed = allowed[(lo >> RIGHTS_BIT) & 7]!;
    if (!out.accessed && !this.#setsBits) {
      // Nothing of a leaf that raises an access fault may be cached.
      out.present = false;
      out.fault = faultCode(FaultCause.UNTOUCHED, level, access);
    } else if (((out.allowed >> access) & 1) === 0) {
      out.fault = faultCode(FaultCause.DENIED, level, access);
    } else {
      out.fault = 0;
    }
  }
}

function stop(out: Walk, cause: FaultCause, level: number, access: Access): void {
  out.level = level;
  out.fault = faultCode(cause, level, access);
}

function indexAt(vpn: Vpn, level: number): number {
  return ((vpn % TREE_PAGES) >> (3 * level)) & 7;
}

/** Bits 39:16. */
function frameIn(lo: number, hi: number): Pfn {
  return (lo >>> 16) | ((hi & 0xff) << 16);
}

function isMalformed(lo: number, hi: number, level: number): boolean {
  if ((lo & LEAF) === 0) {
    return level === 0 || (lo & TABLE_RESERVED_LO) !== 0 || (hi & TABLE_RESERVED_HI) !== 0;
  }
  if (level === TOP_LEVEL) return true;
  const misaligned = frameIn(lo, hi) & ((1 << (3 * level)) - 1);
  return misaligned !== 0 || (lo & LEAF_RESERVED_LO) !== 0 || (hi & LEAF_RESERVED_HI) !== 0;
}
