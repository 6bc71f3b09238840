/**
 * An address space over flat tables: objects, mappings, and accesses that fault as a CPU's would.
 *
 *     root    |─[mapping]──────[mapping]────|      pages count from BASE
 */
import { AspaceKind, MmuFlags, Status, type MmuFlagSet, type Pfn, type Vpn } from "@aspace/arch";
import { isValue, type Blocking, type Result } from "../src/objects/blocking.ts";
import { createObject, createPagerObject } from "../src/objects/create-object.ts";
import { LazyPageRequest } from "../src/objects/page-request.ts";
import type { VmObject } from "../src/objects/vm-object.ts";
import type { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import { UserPager } from "../src/objects/user-pager.ts";
import { locked } from "../src/objects/under-lock.ts";
import { validateSystem } from "../src/objects/validate.ts";
import { pageFaultOnce } from "../src/regions/aspace-fault.ts";
import { validateRegions } from "../src/regions/aspace-validate.ts";
import { PageFaultFlag, type PageFaultFlags } from "../src/regions/fault-flags.ts";
import { FaultMode, RegionSystem, type RegionSystemOptions } from "../src/regions/region-system.ts";
import { VmAddressRegion } from "../src/regions/vm-address-region.ts";
import { VmAspace } from "../src/regions/vm-aspace.ts";
import { Mergeable, VmMapping } from "../src/regions/vm-mapping.ts";
import { VmarFlags } from "../src/regions/vmar-flags.ts";
import { FlatTables, type FlatTablesOptions } from "./flat-tables.ts";
import { supply } from "./pager-answers.ts";
import { createSmallSystem, run, type SmallSystem } from "./small-system.ts";

export const BASE: Vpn = 0x200;

const { READ, WRITE, EXECUTE, USER } = MmuFlags;
export const R: MmuFlagSet = USER | READ;
export const RW: MmuFlagSet = USER | READ | WRITE;
export const RX: MmuFlagSet = USER | READ | EXECUTE;
export const NONE: MmuFlagSet = USER;

/** Both ways to handle an entry that is in a fault's way: for `describe.each`. */
export const FAULT_MODES: readonly FaultMode[] = Object.values(FaultMode);

export const FaultKind: Readonly<Record<"READ" | "WRITE" | "FETCH", PageFaultFlags>> = {
  READ: PageFaultFlag.USER,
  WRITE: PageFaultFlag.USER | PageFaultFlag.WRITE,
  FETCH: PageFaultFlag.USER | PageFaultFlag.INSTRUCTION,
};

export interface SmallAspaceOptions extends FlatTablesOptions {
  readonly frames?: number;
  readonly faultMode?: FaultMode;
  readonly quirks?: readonly string[];
}

export interface MapOptions {
  readonly object: VmObject;
  /** From BASE. */
  readonly at: number;
  readonly count: number;
  readonly offset?: number;
  readonly protection?: MmuFlagSet;
  readonly flags?: number;
  readonly mergeable?: Mergeable;
  readonly parent?: VmAddressRegion;
}

export class SmallAspace {
  readonly small: SmallSystem;
  readonly system: RegionSystem;
  readonly tables: FlatTables;
  readonly aspace: VmAspace;
  readonly objects: VmObject[] = [];
  readonly pager: UserPager = new UserPager();

  constructor({ frames = 256, faultMode, quirks = [], ...options }: SmallAspaceOptions = {}) {
    this.small = createSmallSystem({ frames });
    const base: RegionSystemOptions = { memory: this.small.system, quirks: new Set(quirks) };
    this.system = new RegionSystem(faultMode === undefined ? base : { ...base, faultMode });
    this.tables = new FlatTables(options);
    this.aspace = new VmAspace({ system: this.system, arch: this.tables, name: "test" });
  }

  get root(): VmAddressRegion {
    return this.aspace.root!;
  }

  /** An anonymous object. */
  object(
    pages: number,
    options: { resizable?: boolean; discardable?: boolean } = {},
  ): VmObjectPaged {
    return this.keep(createObject(this.small.system, { size: BigInt(pages) << 12n, ...options }));
  }

  /** An object of a pager's. */
  pagerObject(pages: number, trapsDirty: boolean = true): VmObjectPaged {
    const source = this.pager.createSource({ key: 1, trapsDirty });
    return this.keep(createPagerObject(this.small.system, { size: BigInt(pages) << 12n, source }));
  }

  /** Notes an object, so that `validate` knows of its frames. */
  keep<T extends VmObject>(object: Result<T>): T {
    if (!isValue(object)) throw new Error(`no object: status ${object}`);
    this.objects.push(object);
    return object;
  }

  /** Maps pages of an object, without asking anybody for a place. */
  map(options: MapOptions): VmMapping {
    const { object, at, count, offset = 0, protection = RW } = options;
    const mapping = new VmMapping({
      aspace: this.aspace,
      parent: options.parent ?? this.root,
      base: BASE + at,
      pageCount: count,
      flags: options.flags ?? VmarFlags.SPECIFIC | VmarFlags.CAN_RWX,
      object,
      objectOffset: offset,
      protection,
      mergeable: options.mergeable ?? Mergeable.NO,
    });
    this.locked(() => {
      locked(object.hierarchy, () => mapping.activateLocked());
      mapping.setMemoryPriorityLocked(mapping.parent!.memoryPriority);
    });
    return mapping;
  }

  /** Reserves a region. */
  region(at: number, count: number, parent: VmAddressRegion = this.root): VmAddressRegion {
    const region = new VmAddressRegion({
      aspace: this.aspace,
      parent,
      base: BASE + at,
      pageCount: count,
      flags: VmarFlags.CAN_RWX | VmarFlags.CAN_MAP_SPECIFIC,
      name: "sub",
    });
    this.locked(() => {
      region.activateLocked();
      region.setOwnPriorityLocked(parent.memoryPriority);
    });
    return region;
  }

  /** A fault at a page from BASE on. */
  fault(
    at: number,
    kind: PageFaultFlags,
    request: LazyPageRequest = new LazyPageRequest(),
  ): Status {
    return pageFaultOnce(this.aspace, BASE + at, kind, request);
  }

  /** What a CPU does: faults if need be, and must get through after one fault that was resolved. */
  write(at: number, value: number): Status {
    const { entries } = this.tables;
    const isReady = (): boolean => ((entries.get(BASE + at)?.flags ?? 0) & WRITE) !== 0;
    if (!isReady()) {
      const status = this.fault(at, FaultKind.WRITE);
      if (status !== Status.OK) return status;
    }
    if (!isReady()) throw new Error(`page ${at} cannot be written after its fault`);
    const { pmm } = this.small.system;
    const { pfn } = entries.get(BASE + at)!;
    pmm.markWritten(pfn);
    pmm.memory.words[pfn * 1024] = value;
    return Status.OK;
  }

  /** The first word of a page. */
  read(at: number): number {
    const { entries } = this.tables;
    if (!entries.has(BASE + at)) {
      const status = this.fault(at, FaultKind.READ);
      if (status !== Status.OK) throw new Error(`page ${at} cannot be read: status ${status}`);
    }
    return this.small.system.pmm.memory.words[this.frameAt(at)! * 1024]!;
  }

  /** The frame that is mapped at a page from BASE on. */
  frameAt(at: number): Pfn | undefined {
    return this.tables.entries.get(BASE + at)?.pfn;
  }

  /** Entries of pages from BASE on, as `FlatTables.draw`. */
  draw(at: number, count: number): string {
    return this.tables.draw(BASE + at, count);
  }

  /** Protections of a mapping, a letter a page: `-` none, `r`, `w`, `x`. */
  ranges(mapping: VmMapping): string {
    return Array.from({ length: mapping.pageCount }, (_, i) => {
      const flags = mapping.ranges.flagsAt(mapping.base + i);
      if ((flags & WRITE) !== 0) return "w";
      if ((flags & EXECUTE) !== 0) return "x";
      return (flags & READ) !== 0 ? "r" : "-";
    }).join("");
  }

  /** Commits pages of an object. */
  commit(object: VmObject, page: number, count: number): void {
    const status = run(object.commitRange(BigInt(page) << 12n, BigInt(count) << 12n));
    if (status !== Status.OK) throw new Error(`no commit: status ${status}`);
  }

  /** The pager supplies pages, each with its number plus 1. */
  supply(object: VmObjectPaged, page: number, count: number): void {
    locked(object.hierarchy, () => supply(object.node, page, count));
  }

  /** The pager lets a page become dirty. */
  allowDirty(object: VmObjectPaged, page: number): void {
    const status = run(object.dirtyPages(BigInt(page) << 12n, 0x1000n));
    if (status !== Status.OK) throw new Error(`no dirty page: status ${status}`);
  }

  /** Runs a step with the aspace's lock held. */
  locked<T>(step: () => T): T {
    this.aspace.lock.acquire();
    try {
      return step();
    } finally {
      this.aspace.lock.release();
    }
  }

  /** Checks everything there is. */
  validate(): void {
    validateRegions(this.system);
    const nodes = this.objects.flatMap((object) =>
      object.isAlive && "node" in object ? [(object as VmObjectPaged).node] : [],
    );
    validateSystem(this.small.system, nodes);
  }
}

/** Drives an operation that waits at most for what `others` does meanwhile. */
export function drive<T>(operation: Blocking<T>, others: (request: LazyPageRequest) => void): T {
  let step = operation.next();
  while (step.done !== true) {
    const request = step.value;
    others(request);
    if (request.isOutstanding) throw new Error(`nobody answers ${request.describe()}`);
    step = operation.next(request.status);
  }
  return step.value;
}

/** A kernel's aspace: nothing beside a range may go. */
export const KERNEL: FlatTablesOptions = { kind: AspaceKind.KERNEL };
export const GUEST: FlatTablesOptions = { kind: AspaceKind.GUEST };
