import {
  Access,
  GUEST_TAGS,
  Invalidate,
  KernelPanic,
  NO_FAULT,
  WRITE_ACCESSES,
  emptyWalk,
  formatAddress,
  type AccessMask,
  type CpuId,
  type FaultCode,
  type InvalidationScope,
  type Mmu,
  type Pfn,
  type Tag,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import type { CachedFrames } from "./cached-frames.ts";
import { FrameOwner, type Frames } from "./frames.ts";
import { UNKNOWN } from "./micro-tlb.ts";
import type { Ram } from "./ram.ts";
import { NO_ENTRY, type RangeTable } from "./range-table.ts";
import { Tlb, type TlbConflicts } from "./tlb.ts";
import {
  READY,
  allowedOf,
  emptyTranslation,
  levelOf,
  ramFrameOf,
  type Translation,
} from "./translation.ts";
import { PagingStructureCache } from "./walk-cache.ts";

/** Who makes an access: the mode plus 0, 1 or 2 is the `Access` that reads, writes or fetches. */
export const CpuMode = {
  USER: 0,
  KERNEL: 3,
  /** Kernel mode with the user-access window open. */
  COPY: 6,
} as const;
export type CpuMode = (typeof CpuMode)[keyof typeof CpuMode];

/** The access kinds of a speculative walk, which never writes. */
const SPECULATIVE: readonly Access[] = [
  Access.KERNEL_READ,
  Access.USER_READ,
  Access.COPY_READ,
  Access.KERNEL_FETCH,
  Access.USER_FETCH,
];

/** Everything of a page's address under one tag that a fault evicts (SDM vol. 3, 4.10.4.1). */
const FAULT_EVICTS: InvalidationScope =
  Invalidate.PAGE | Invalidate.TAG | Invalidate.GLOBAL | Invalidate.WALK_PAGE;

/** What stands for a frame when the access was refused. */
const REFUSED = -1;

/** Where a CPU's parts live. */
export interface CpuSite {
  readonly ram: Ram;
  readonly frames: Frames;
  readonly cached: CachedFrames;
  readonly conflicts: TlbConflicts;
}

/**
 * One CPU: its MMU, its caches, and accesses of one 32-bit word each. An offset is in bytes, a
 * multiple of 4 below 4096. Accesses outside RAM read zero and write nothing.
 */
export class Cpu {
  readonly id: CpuId;
  readonly tlb: Tlb;
  readonly walkCache: PagingStructureCache;
  /** The word that the last load or fetch read. */
  value = 0;
  /** What the last successful `access` used. */
  readonly translation: Translation = emptyTranslation();
  private unit: Mmu;
  private readonly ram: Ram;
  private readonly frames: Frames;
  private readonly walk: Walk = emptyWalk();
  /** The code of the last access that was refused. */
  private fault: FaultCode = NO_FAULT;

  constructor(id: CpuId, mmu: Mmu, site: CpuSite) {
    this.id = id;
    this.unit = mmu;
    this.ram = site.ram;
    this.frames = site.frames;
    this.tlb = new Tlb(id, site.cached, site.conflicts);
    this.walkCache = new PagingStructureCache(id, site.frames, site.cached, mmu.tablePages);
  }

  /** The memory-management unit; another one after a reset. */
  get mmu(): Mmu {
    return this.unit;
  }

  /** Reads a word into `value`. */
  load(mode: CpuMode, vpn: Vpn, offset: number): FaultCode {
    return this.read(mode, vpn, offset);
  }

  /** Reads an instruction word into `value`. */
  fetch(mode: CpuMode, vpn: Vpn, offset: number): FaultCode {
    return this.read((mode + 2) as Access, vpn, offset);
  }

  /** Writes a word. Panics with K-11 when it lands in a page table. */
  store(mode: CpuMode, vpn: Vpn, offset: number, value: number): FaultCode {
    checkOffset(offset);
    const frame = this.translate(vpn, (mode + 1) as Access);
    if (frame === REFUSED) return this.fault;
    if (frame < this.ram.frameCount) {
      if (this.frames.ownerOf(frame) === FrameOwner.TABLE) this.panicTableStore(vpn, frame);
      this.ram.markWritten(frame);
      this.ram.words[(frame << 10) + (offset >> 2)] = value;
    }
    return NO_FAULT;
  }

  /** Translates without touching the memory behind; on success `translation` says how. */
  access(vpn: Vpn, access: Access): FaultCode {
    if (this.translate(vpn, access) === REFUSED) return this.fault;
    this.tlb.lookup(this.unit.tag, vpn, this.translation);
    return NO_FAULT;
  }

  /**
   * Walks the tables for a page on the CPU's own initiative and caches what it finds, also next to an
   * older translation of the page. Sets accessed bits as a read does, never a dirty bit, never faults.
   */
  prefetch(vpn: Vpn): void {
    const { unit, walk } = this;
    for (const access of SPECULATIVE) {
      unit.walk(vpn, access, this.walkCache, walk);
      if (walk.fault === NO_FAULT) {
        this.tlb.fillAbsent(unit.tag, vpn, walk, this.readyMask());
        return;
      }
      if (!walk.present) return;
    }
  }

  /** Drops cached translations and walk-cache entries. */
  invalidate(scope: InvalidationScope, tag: Tag, vpn: Vpn): void {
    this.tlb.invalidate(scope, tag, vpn);
    this.walkCache.invalidate(scope, tag, vpn);
  }

  /** Power-on, with another MMU of the same kind. */
  reset(mmu: Mmu): void {
    this.unit = mmu;
    this.tlb.reset();
    this.walkCache.reset();
    this.value = 0;
    this.fault = NO_FAULT;
    Object.assign(this.translation, emptyTranslation());
    Object.assign(this.walk, emptyWalk());
  }

  private read(access: Access, vpn: Vpn, offset: number): FaultCode {
    checkOffset(offset);
    const frame = this.translate(vpn, access);
    if (frame === REFUSED) return this.fault;
    const { ram } = this;
    this.value = frame < ram.frameCount ? ram.words[(frame << 10) + (offset >> 2)]! : 0;
    return NO_FAULT;
  }

  /** The frame that an access goes to, or REFUSED with the code in `fault`. */
  private translate(vpn: Vpn, access: Access): Pfn {
    const { tag } = this.unit;
    const frame = this.tlb.micro.find(tag, vpn, access);
    return frame === UNKNOWN ? this.lookUp(tag, vpn, access) : frame;
  }

  private lookUp(tag: Tag, vpn: Vpn, access: Access): Pfn {
    let table = this.tlb.tags.of(tag);
    let entry = table.find(vpn);
    if (entry === NO_ENTRY && tag < GUEST_TAGS) {
      table = this.tlb.globals;
      entry = table.find(vpn);
    }
    if (entry === NO_ENTRY) return this.walkTables(vpn, access);
    const ready = table.words[entry + READY]!;
    if (((ready >> access) & 1) === 0) return this.recheck(table, entry, vpn, access);
    const frame = ramFrameOf(table, entry, vpn);
    this.tlb.micro.keep(tag, vpn, ready, frame);
    return frame;
  }

  /** A hit that may not go through as it is: denied, or the first write through it. */
  private recheck(table: RangeTable, entry: number, vpn: Vpn, access: Access): Pfn {
    // Allowed but not ready: memory has to learn that the page is dirty (SDM vol. 3, 4.8), and may
    // meanwhile say something else.
    if (((allowedOf(table, entry) >> access) & 1) !== 0) return this.walkTables(vpn, access);
    this.fault = this.unit.deniedFault(vpn, access, levelOf(table, entry));
    if (this.unit.faultEvicts) this.invalidate(FAULT_EVICTS, this.unit.tag, vpn);
    return REFUSED;
  }

  private walkTables(vpn: Vpn, access: Access): Pfn {
    const { unit, walk } = this;
    unit.walk(vpn, access, this.walkCache, walk);
    this.fault = walk.fault;
    if (walk.fault !== NO_FAULT && unit.faultEvicts) {
      this.invalidate(FAULT_EVICTS, unit.tag, vpn);
      return REFUSED;
    }
    if (walk.present) this.tlb.fill(unit.tag, vpn, walk, this.readyMask());
    return walk.fault === NO_FAULT ? Math.min(walk.pfn, this.ram.frameCount) : REFUSED;
  }

  /** What a hit on the translation in `walk` may do without another look at memory. */
  private readyMask(): AccessMask {
    const mustMarkDirty = this.unit.tracksDirty && !this.walk.dirty;
    return mustMarkDirty ? this.walk.allowed & ~WRITE_ACCESSES : this.walk.allowed;
  }

  private panicTableStore(vpn: Vpn, frame: Pfn): never {
    throw new KernelPanic(
      "K-11",
      `CPU ${this.id}, tag ${this.unit.tag}: a store to ${formatAddress(vpn)} lands in the page ` +
        `table in frame ${formatAddress(frame)}`,
    );
  }
}

function checkOffset(offset: number): void {
  if ((offset & ~0xffc) !== 0) {
    throw new KernelPanic("K-10", `offset ${offset} is no word of a page`);
  }
}
