/**
 * A booted kernel with one user aspace that CPU 0 runs in, on any backend and in either fault mode; and short ways to
 * say what tests do with it. Pages count from `BASE`.
 */
import {
  AspaceKind,
  MmuFlags,
  Status,
  formatFlags,
  statusName,
  type Architecture,
  type MmuFlagSet,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import { BACKENDS } from "@aspace/backends";
import { CpuMode } from "@aspace/machine";
import {
  FaultMode,
  OpChildren,
  UserPager,
  VmObjectPaged,
  VmarFlags,
  complete,
  createMapping,
  createObject,
  createPagerObject,
  isValue,
  protectRegion,
  unmapRegion,
  type Blocking,
  type LazyPageRequest,
  type Result,
  type VmAspace,
  type VmMapping,
  type VmObject,
} from "@aspace/vm";
import { Kernel, type KernelOptions, type Loaded } from "../src/kernel.ts";
import { Thread } from "../src/thread.ts";

const { READ, WRITE, EXECUTE, USER } = MmuFlags;
export const R: MmuFlagSet = READ;
export const RW: MmuFlagSet = READ | WRITE;
export const RX: MmuFlagSet = READ | EXECUTE;

/** Every backend in both fault modes, with a name. */
export const KERNELS: readonly (readonly [string, Architecture, FaultMode])[] = BACKENDS.flatMap(
  (architecture) =>
    Object.values(FaultMode).map(
      (faultMode) => [`${architecture.name}, ${faultMode}`, architecture, faultMode] as const,
    ),
);

export interface BootedOptions extends Omit<KernelOptions, "architecture" | "quirks"> {
  readonly kind?: "user" | "guest";
  readonly quirks?: readonly string[];
}

export interface Where {
  /** Page from the aspace's base. */
  readonly at: number;
  readonly count: number;
  readonly offset?: number;
  readonly protection?: MmuFlagSet;
}

export class Booted {
  readonly kernel: Kernel;
  readonly aspace: VmAspace;
  readonly base: Vpn;
  readonly pager: UserPager = new UserPager();
  private readonly objects: VmObject[] = [];
  private readonly user: MmuFlagSet;
  private readonly entry: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };

  constructor(architecture: Architecture, options: BootedOptions = {}) {
    const { kind = AspaceKind.USER, quirks = [], ...others } = options;
    const { frameCount = 1024 } = options;
    this.kernel = new Kernel({ ...others, frameCount, architecture, quirks: new Set(quirks) });
    this.aspace = valueOf(this.kernel.createAspace(kind, "test"));
    this.base = this.aspace.base;
    this.user = kind === AspaceKind.USER ? USER : 0;
    this.kernel.contextSwitch(0, this.aspace);
  }

  object(pages: number, resizable: boolean = false): VmObjectPaged {
    const { memory } = this.kernel;
    return this.keep(createObject(memory, { size: BigInt(pages) << 12n, resizable }));
  }

  pagerObject(pages: number, trapsDirty: boolean = true): VmObjectPaged {
    const source = this.pager.createSource({ key: 1, trapsDirty });
    return this.keep(createPagerObject(this.kernel.memory, { size: BigInt(pages) << 12n, source }));
  }

  keep<T extends VmObject>(object: Result<T>): T {
    const kept = valueOf(object);
    this.objects.push(kept);
    return kept;
  }

  /** Maps pages of an object into the root, at a page from the aspace's base. */
  map(object: VmObject, where: Where, aspace: VmAspace = this.aspace): VmMapping {
    const { at, count, offset = 0, protection = RW } = where;
    const created = createMapping(aspace.root!, {
      offset: at,
      pageCount: count,
      alignShift: 0,
      flags: VmarFlags.SPECIFIC | VmarFlags.CAN_RWX,
      object,
      objectOffset: offset,
      mmuFlags: protection | this.user,
    });
    return valueOf(created).mapping;
  }

  protect(at: number, count: number, protection: MmuFlagSet): void {
    const flags = protection | this.user;
    must(protectRegion(this.aspace.root!, this.base + at, count, flags, OpChildren.NO));
  }

  unmap(at: number, count: number): void {
    must(unmapRegion(this.aspace.root!, this.base + at, count, OpChildren.NO));
  }

  /** What a store answers that nobody has to be waited for. */
  store(at: number, value: number, cpu: number = 0): Status {
    return now(this.kernel.store(cpu, CpuMode.USER, this.base + at, 0, value));
  }

  /** A load's value, or the name of its status. */
  load(at: number, cpu: number = 0): number | string {
    const { status, value } = now(this.kernel.load(cpu, CpuMode.USER, this.base + at, 0));
    return status === Status.OK ? value : statusName(status);
  }

  /** The entry of a page: `urw-`, or `none`. */
  entryAt(at: number, aspace: VmAspace = this.aspace): string {
    const status = aspace.arch.query(aspace.base + at, this.entry);
    return status === Status.OK ? formatFlags(this.entry.flags) : "none";
  }

  /** The entries of a range, a letter a page: `-` none, `r` read-only, `w` writable, `x` executable. */
  draw(at: number, count: number): string {
    return Array.from({ length: count }, (_, i) => {
      if (this.aspace.arch.query(this.base + at + i, this.entry) !== Status.OK) return "-";
      if ((this.entry.flags & WRITE) !== 0) return "w";
      return (this.entry.flags & EXECUTE) !== 0 ? "x" : "r";
    }).join("");
  }

  /** The frame behind a page's entry, or -1. */
  frameAt(at: number): number {
    const status = this.aspace.arch.query(this.base + at, this.entry);
    return status === Status.OK ? this.entry.pfn : -1;
  }

  commit(object: VmObject, page: number, count: number): void {
    must(now(object.commitRange(BigInt(page) << 12n, BigInt(count) << 12n)));
  }

  /** The pager gives pages from a buffer of its own, each with a number in its first word. */
  supply(object: VmObjectPaged, page: number, values: readonly number[]): void {
    const size = BigInt(values.length) << 12n;
    const buffer = valueOf(createObject(this.kernel.memory, { size }));
    for (const [at, value] of values.entries()) {
      const bytes = new Uint8Array(new Int32Array([value]).buffer);
      must(now(buffer.write(BigInt(at) << 12n, bytes)).status);
    }
    must(now(object.supplyPages(BigInt(page) << 12n, valueOf(buffer.takePages(0n, size)))));
    buffer.release();
  }

  /** The pager lets pages become dirty. */
  allowDirty(object: VmObjectPaged, page: number, count: number = 1): void {
    must(now(object.dirtyPages(BigInt(page) << 12n, BigInt(count) << 12n)));
  }

  /** A store that may wait, as a thread. */
  storing(name: string, at: number, value: number, cpu: number = 0): Thread<Status> {
    return new Thread(name, this.kernel.store(cpu, CpuMode.USER, this.base + at, 0, value));
  }

  /** A load that may wait, as a thread. */
  loading(name: string, at: number, cpu: number = 0): Thread<Loaded> {
    return new Thread(name, this.kernel.load(cpu, CpuMode.USER, this.base + at, 0));
  }

  /** Checks everything. */
  validate(): void {
    const paged = this.objects.filter((object) => object instanceof VmObjectPaged);
    const nodes = paged.filter(({ isAlive }) => isAlive).map(({ node }) => node);
    this.kernel.validate(nodes);
  }
}

/** The result of an operation that must not have to wait. */
export function now<T>(operation: Blocking<T>): T {
  return complete(operation, (request: LazyPageRequest) => {
    throw new Error(`it waits for ${request.describe()}`);
  });
}

export function valueOf<T extends object>(result: Result<T>): T {
  if (!isValue(result)) throw new Error(`there is no value: ${statusName(result)}`);
  return result;
}

export function must(status: Status): void {
  if (status !== Status.OK) throw new Error(`it fails: ${statusName(status)}`);
}
