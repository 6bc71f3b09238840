import {
  type ArchSystem,
  type ArchVmAspace,
  type Architecture,
  AspaceKind,
  type AspaceProfile,
  type BootOptions,
  type Capabilities,
  type CpuId,
  Enlarge,
  FRAME_WORDS,
  type Hardware,
  NO_FRAME,
  PAGE_SHIFT,
  type Pfn,
  Status,
  type Vpn,
} from "@aspace/arch";
import { type Cpu, type Machine, createMachine } from "@aspace/machine";
import { PropertyFailure, checkEqual, checkStatus } from "./check.ts";
import { CheckedAspace } from "./checked-aspace.ts";
import { Meter } from "./meter.ts";

/** What a world is made of. */
export interface WorldOptions {
  readonly architecture: Architecture;
  readonly kind: AspaceKind;
  readonly quirks: ReadonlySet<string>;
  readonly tagLimit: number;
  /** Gets a line for everything that is done. */
  readonly trace: string[];
}

const CPUS = 3;
const RAM_FRAMES = 4096;
/** Data pages that properties take turns with. */
const POOL_PAGES = 1024;
/** Frame 0 stays out of reach, so that a zero never looks like a frame. */
const FIRST_FRAME = 1;

/** Machines are expensive in address space and cheap to reset, so each architecture has one. */
const MACHINES = new WeakMap<Architecture, Machine>();

/**
 * A booted machine with an aspace of one kind under test.
 *
 * ```
 *            user                guest               kernel
 *   CPU 0    aspace              aspace              kernel only
 *   CPU 1    aspace              aspace              neighbour (a user aspace)
 *   CPU 2    neighbour (user)    neighbour (guest)   kernel only
 * ```
 *
 * Frames of RAM are data pages with a record or tables; frames beyond RAM are devices. Addresses are
 * laid out around `origin`, a page aligned to the largest leaf with room on both sides.
 */
export class World {
  readonly options: WorldOptions;
  readonly kind: AspaceKind;
  readonly profile: AspaceProfile;
  readonly capabilities: Capabilities;
  readonly machine: Machine;
  readonly meter: Meter;
  /** What the backend runs on: the machine behind the meter. */
  readonly hardware: Hardware;
  readonly system: ArchSystem;
  /** The aspace under test, with its reference. */
  readonly subject: CheckedAspace;
  /** Another aspace of the same kind; a user aspace where that would be the kernel. */
  readonly neighbour: CheckedAspace;
  /** Sizes of leaves in pages, ascending, and pages that one leaf table maps. */
  readonly leafSizes: readonly number[];
  readonly tableSpan: number;
  readonly origin: Vpn;
  /** By CPU: what it runs besides the kernel. */
  readonly #running: (CheckedAspace | null)[] = [];
  readonly #live = new Set<ArchVmAspace>();
  readonly #pool: Pfn[] = [];
  #nextPooled = 0;
  #nextDevice: Pfn;

  constructor(options: WorldOptions) {
    const { architecture, kind } = options;
    this.options = options;
    this.kind = kind;
    this.profile = architecture.aspaces[kind];
    this.capabilities = this.profile.capabilities;
    this.leafSizes = this.capabilities.leafShifts.map((shift) => 2 ** (shift - PAGE_SHIFT));
    this.tableSpan = 2 ** this.capabilities.indexBits;
    this.origin = this.#chooseOrigin();
    this.#nextDevice = roundUp(RAM_FRAMES, this.largestLeaf);
    this.machine = freshMachine(architecture);
    this.meter = new Meter(this.machine.tables, this.machine.bus);
    const { memory, pages, mmus } = this.machine;
    this.hardware = {
      memory,
      pages,
      mmus,
      tables: this.meter.tables,
      bus: this.meter.bus,
    };
    const boot: BootOptions = { quirks: options.quirks, tagLimit: options.tagLimit };
    this.system = architecture.boot(this.hardware, boot);
    checkStatus("start", Status.OK, this.system.start());
    const neighbourKind = kind === AspaceKind.GUEST ? AspaceKind.GUEST : AspaceKind.USER;
    this.#live.add(this.system.kernel);
    this.neighbour = this.createAspace(neighbourKind);
    if (kind === AspaceKind.KERNEL)
      this.subject = new CheckedAspace(this, this.system.kernel, kind);
    else this.subject = this.createAspace(kind);
    this.#startCpus();
  }

  get largestLeaf(): number {
    return this.leafSizes.at(-1)!;
  }

  /** Leaf sizes above a base page. */
  get largeSizes(): readonly number[] {
    return this.leafSizes.slice(1);
  }

  /** What the kernel passes when it unmaps: it alone may not lose a page. */
  get usualEnlarge(): Enlarge {
    return this.kind === AspaceKind.KERNEL ? Enlarge.NO : Enlarge.YES;
  }

  /** First page behind the subject's range. */
  get endVpn(): Vpn {
    return this.profile.baseVpn + this.profile.pageCount;
  }

  /** Another live aspace with its reference, which nobody runs yet. */
  createAspace(kind: "user" | "guest"): CheckedAspace {
    const aspace = this.system.createAspace(kind);
    checkStatus(`init of a ${kind} aspace`, Status.OK, aspace.init());
    this.#live.add(aspace);
    return new CheckedAspace(this, aspace, kind);
  }

  /** Destroys an aspace that is empty and runs nowhere. */
  destroyAspace({ aspace }: CheckedAspace): void {
    aspace.destroy();
    this.#live.delete(aspace);
  }

  /** A data page: a frame of RAM with a page record, used again only after all others. */
  page(): Pfn {
    if (this.#pool.length < POOL_PAGES) this.#pool.push(this.#newPage());
    else this.#nextPooled++;
    return this.#pool[(this.#pool.length - 1 + this.#nextPooled) % POOL_PAGES]!;
  }

  /** Data pages, different ones up to the size of the pool. */
  pages(count: number): Pfn[] {
    return Array.from({ length: count }, () => this.page());
  }

  #newPage(): Pfn {
    const pfn = this.machine.pages.allocatePage();
    if (pfn === NO_FRAME) throw new PropertyFailure("the world has no data page left");
    return pfn;
  }

  /** The first of `count` data pages in a row, aligned to `count`. */
  contiguousPages(count: number): Pfn {
    let first = this.#newPage();
    while (first % count !== 0) first = this.#newPage();
    for (let i = 1; i < count; i++) checkEqual("a fresh frame", first + i, this.#newPage());
    return first;
  }

  /** The first of `count` device frames that nobody else uses, aligned to `alignment`. */
  device(count: number, alignment: number): Pfn {
    const first = roundUp(this.#nextDevice, alignment);
    this.#nextDevice = first + count;
    return first;
  }

  /** The boundaries between tables, from small to large, that lie inside the subject's range. */
  tableEdges(): Vpn[] {
    const edges: Vpn[] = [];
    for (let span = this.tableSpan; span < this.profile.pageCount; span *= this.tableSpan) {
      const edge = roundUp(this.profile.baseVpn + 2, span);
      if (edge + 2 <= this.endVpn) edges.push(edge);
    }
    return [...new Set(edges)];
  }

  /** Makes a CPU run in an aspace; null means the kernel only. */
  switchTo(cpu: CpuId, to: CheckedAspace | null): void {
    this.note(`CPU ${cpu} switches to ${this.#nameOf(to)}`);
    this.system.contextSwitch(cpu, to === null ? null : to.aspace);
    this.#running[cpu] = to;
  }

  /** The CPUs whose accesses go through the aspace now. */
  seersOf(aspace: CheckedAspace): readonly Cpu[] {
    const { kind } = aspace.reference;
    return this.machine.cpus.filter((cpu) => {
      const running = this.#running[cpu.id] ?? null;
      if (kind !== AspaceKind.KERNEL) return running === aspace;
      return running === null || running.reference.kind === AspaceKind.USER;
    });
  }

  /** The CPUs that see the subject now. */
  get seers(): readonly Cpu[] {
    return this.seersOf(this.subject);
  }

  /** Aspaces whose tables are accounted for; properties that make others add and remove them. */
  liveAspaces(): ReadonlySet<ArchVmAspace> {
    return this.#live;
  }

  /** Other CPUs run in the middle of operations. */
  hasInterlude(): boolean {
    return this.machine.bus.interlude !== null;
  }

  /** Adds a line to the trace. */
  note(line: string): void {
    this.options.trace.push(line);
  }

  /**
   * Everything an operation that does nothing must leave alone: words of RAM, cached translations,
   * frames in use, invalidations sent.
   */
  fingerprint(): string {
    const { cpus, log } = this.machine;
    const caches = cpus.map((cpu) => `${cpu.tlb.count}+${cpu.walkCache.count}`);
    return (
      `${this.tablesHash()}, cached ${caches.join(" ")}, ` +
      `${this.meter.attempts} allocations, ${log.invalidations} invalidations`
    );
  }

  /** The live tables and what is in them. */
  tablesHash(): string {
    const tables = this.meter.liveTables();
    const { words } = this.machine.memory;
    const hash = tables.reduce((seed, pfn) => hashFrame(seed, words, pfn), 0);
    return `${tables.length} tables with contents ${(hash >>> 0).toString(16)}`;
  }

  #startCpus(): void {
    const isKernel = this.kind === AspaceKind.KERNEL;
    const running = isKernel
      ? [null, this.neighbour, null]
      : [this.subject, this.subject, this.neighbour];
    running.forEach((aspace, cpu) => this.switchTo(cpu, aspace));
  }

  #nameOf(aspace: CheckedAspace | null): string {
    if (aspace === null) return "the kernel";
    if (aspace === this.subject) return "the subject";
    return aspace === this.neighbour ? "the neighbour" : "another aspace";
  }

  /** Room for two of the largest leaves behind it, and some in front. */
  #chooseOrigin(): Vpn {
    const { baseVpn, pageCount } = this.profile;
    const size = this.largestLeaf;
    const origin = roundUp(baseVpn + 2 * this.tableSpan, size);
    const room = baseVpn + pageCount - origin;
    if (room < 3 * size)
      throw new PropertyFailure("the aspace is too small for three largest leaves");
    return origin;
  }
}

export function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

function freshMachine(architecture: Architecture): Machine {
  const old = MACHINES.get(architecture);
  if (old !== undefined) {
    old.reset();
    return old;
  }
  const machine = createMachine({
    architecture,
    cpuCount: CPUS,
    frameCount: RAM_FRAMES,
    firstFrame: FIRST_FRAME,
  });
  MACHINES.set(architecture, machine);
  return machine;
}

/** Mixes the words of a frame into a hash. */
function hashFrame(seed: number, words: Int32Array, pfn: Pfn): number {
  let hash = seed ^ pfn;
  const end = (pfn + 1) * FRAME_WORDS;
  for (let i = pfn * FRAME_WORDS; i < end; i++) {
    const word = words[i]!;
    // Most words are zero: they only move the hash on.
    hash = word === 0 ? (hash + 1) | 0 : Math.imul(hash ^ word, 0x01000193);
  }
  return hash;
}
