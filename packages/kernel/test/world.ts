/**
 * A kernel next to what it must show: for every object an array of values, for every page of a small window which page
 * of which object it shows, and with what protection. Steps are drawn from a seed; after each one everything is checked.
 */
import {
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  Status,
  TerminalAction,
  statusName,
} from "@aspace/arch";
import {
  CloneKind,
  MapRangeCommit,
  MemoryPriority,
  OpChildren,
  Prng,
  attributedMemory,
  createSubVmar,
  destroyRegion,
  findDeepestRegion,
  harvestAllUserAccessedBits,
  isValue,
  mapRange,
  markMergeable,
  protect,
  protectRegion,
  scanStep,
  setMemoryPriority,
  unmap,
  unmapAllowPartial,
  type VmMapping,
  type VmObjectPaged,
} from "@aspace/vm";
import { Booted, R, RW, RX, now, type BootedOptions } from "./booted.ts";
import type { Architecture } from "@aspace/arch";

/** Pages of the window, and of each object. */
const WINDOW = 24;
const PAGES = 8;
const MOST_OBJECTS = 5;

interface Living {
  readonly object: VmObjectPaged;
  values: number[];
}

interface Shown {
  readonly living: Living;
  readonly page: number;
  protection: number;
}

export class World {
  readonly booted: Booted;
  /** What happened, for messages. */
  readonly trace: string[] = [];
  private readonly prng: Prng;
  private readonly living: Living[] = [];
  private readonly window: (Shown | null)[] = Array.from({ length: WINDOW }, () => null);
  private last = 0;

  constructor(architecture: Architecture, seed: number, options: BootedOptions = {}) {
    this.booted = new Booted(architecture, { cpuCount: 2, frameCount: 512, ...options });
    this.booted.kernel.contextSwitch(1, this.booted.aspace);
    this.prng = new Prng(seed);
    this.booted.kernel.memory.compressor.arm();
    this.living.push(this.newObject());
  }

  /** One step, and all checks. */
  step(): void {
    const steps = [
      ...Array.from({ length: 8 }, () => () => this.store()),
      ...Array.from({ length: 5 }, () => () => this.load()),
      ...Array.from({ length: 9 }, () => () => this.map()),
      () => this.unmap(),
      () => this.protect(),
      () => this.protect(),
      () => this.protectWhole(),
      () => this.starve(),
      () => this.starve(),
      () => this.starveUnmap(),
      () => this.snapshot(),
      () => this.decommit(),
      () => this.release(),
      () => this.resize(),
      () => this.merge(),
      () => this.mapInAdvance(),
      () => this.harvest(),
      () => this.scan(),
      () => this.prioritize(),
      () => this.reserve(),
    ];
    steps[this.prng.below(steps.length)]!();
    this.booted.validate();
  }

  /** Everything ends, and nothing is left. */
  end(): void {
    const { kernel, aspace } = this.booted;
    for (const { object } of this.living) object.release();
    const status = kernel.destroyAspace(aspace);
    if (status !== Status.OK) throw new Error(`the aspace does not end: ${statusName(status)}`);
    this.booted.validate();
    if (kernel.memory.pmm.liveCount > kernel.memory.compressor.frameCount) {
      throw new Error(`${kernel.memory.pmm.liveCount} frames are left`);
    }
  }

  private newObject(): Living {
    const object = this.booted.object(PAGES, true);
    return { object, values: Array.from({ length: PAGES }, () => 0) };
  }

  private store(): void {
    const at = this.anyPage();
    const cpu = this.prng.below(2);
    const value = ++this.last;
    const status = this.booted.store(at, value, cpu);
    this.trace.push(`store ${at} ${value} by ${cpu}: ${statusName(status)}`);
    const expected = this.expected(at, MmuFlags.WRITE);
    if (status !== expected) throw this.differs(at, expected, status);
    if (status !== Status.OK) return;
    const { living, page } = this.window[at]!;
    living.values[page] = value;
  }

  private load(): void {
    const at = this.anyPage();
    const cpu = this.prng.below(2);
    const seen = this.booted.load(at, cpu);
    this.trace.push(`load ${at} by ${cpu}: ${seen}`);
    const expected = this.expected(at, MmuFlags.READ);
    const shown = this.window[at];
    const value = expected === Status.OK ? shown!.living.values[shown!.page] : statusName(expected);
    if (seen !== value) throw new Error(`load ${at}: ${seen} instead of ${value}`);
  }

  private expected(at: number, needed: number): Status {
    const shown = this.window[at]!;
    if (shown === null) return Status.NOT_FOUND;
    if ((shown.protection & needed) === 0) return Status.ACCESS_DENIED;
    return shown.page < shown.living.values.length ? Status.OK : Status.OUT_OF_RANGE;
  }

  private map(): void {
    const living = this.anyOf(this.living);
    const at = this.prng.below(WINDOW);
    const count = 1 + this.prng.below(Math.min(5, WINDOW - at));
    const offset = this.prng.below(4);
    const protection = this.anyOf([R, RW, RW, RW, RW]);
    if (this.window.slice(at, at + count).some((shown) => shown !== null)) return;
    if (!this.isRootFree(at, count)) return;
    this.trace.push(
      `map ${at}+${count} object ${this.living.indexOf(living)} ${offset} ${protection}`,
    );
    this.booted.map(living.object, { at, count, offset, protection });
    for (let i = 0; i < count; i++) {
      this.window[at + i] = { living, page: offset + i, protection };
    }
  }

  /** Sub-regions lie in the root too, whether something is mapped in them or not. */
  private isRootFree(at: number, count: number): boolean {
    const { root } = this.booted.aspace;
    return root!.regions.isRangeAvailable(this.booted.base + at, count);
  }

  private unmap(): void {
    const at = this.anyPage();
    const count = 1 + this.prng.below(Math.min(3, WINDOW - at));
    const { aspace, base } = this.booted;
    const status = unmapAllowPartial(aspace.root!, base + at, count);
    this.trace.push(`unmap ${at}+${count}: ${statusName(status)}`);
    if (status === Status.OK) this.window.fill(null, at, at + count);
  }

  private protect(): void {
    const at = this.anyPage();
    const count = 1 + this.prng.below(Math.min(4, WINDOW - at));
    const protection = this.anyOf([R, RW, RW, RW, RX, 0]);
    const { aspace, base } = this.booted;
    const flags = protection | MmuFlags.USER;
    const status = protectRegion(aspace.root!, base + at, count, flags, OpChildren.YES);
    this.trace.push(`protect ${at}+${count} ${protection}: ${statusName(status)}`);
    if (status !== Status.OK) return;
    for (let i = at; i < at + count; i++) this.window[i]!.protection = protection;
  }

  /** All of one mapping, whatever ranges it has. */
  private protectWhole(): void {
    const mapping = this.anyMapping();
    if (mapping === null) return;
    const protection = this.anyOf([R, R, RW, RW, RW]);
    const { base, pageCount } = mapping;
    const status = protect(mapping, base, pageCount, protection | MmuFlags.USER);
    const at = base - this.booted.base;
    this.trace.push(`protect all of ${at}+${pageCount} ${protection}: ${statusName(status)}`);
    if (status !== Status.OK) throw this.differs(at, Status.OK, status);
    for (let i = at; i < at + pageCount; i++) this.window[i]!.protection = protection;
  }

  /** A store while some allocation fails: it succeeds all the same, or nothing has happened. */
  private starve(): void {
    const at = this.anyPage();
    const expected = this.expected(at, MmuFlags.WRITE);
    const { machine, memory } = this.booted.kernel;
    const plan = this.anyOf([machine.tables.failures, memory.pmm.failures]);
    plan.failAt(1 + this.prng.below(3));
    const value = ++this.last;
    const status = this.booted.store(at, value);
    const isStarved = !plan.isPending();
    plan.failNever();
    this.trace.push(`store ${at} ${value}, starved: ${statusName(status)}`);
    if (status !== expected && !(isStarved && status === Status.NO_MEMORY)) {
      throw this.differs(at, expected, status);
    }
    const shown = this.window[at];
    if (status === Status.OK) shown!.living.values[shown!.page] = value;
  }

  /** A hole in the middle of a mapping without memory for its right part: nothing happens. */
  private starveUnmap(): void {
    const mapping = this.anyMapping();
    if (mapping === null || mapping.pageCount < 3) return;
    const { failures } = this.booted.kernel.memory.pmm;
    failures.failAt(1);
    const status = unmap(mapping, mapping.base + 1, 1);
    failures.failNever();
    this.trace.push(`unmap within ${mapping.base - this.booted.base}: ${statusName(status)}`);
    if (status !== Status.NO_MEMORY) throw new Error(`no memory, but ${statusName(status)}`);
  }

  private snapshot(): void {
    if (this.living.length >= MOST_OBJECTS) return;
    const { object, values } = this.anyOf(this.living);
    const size = BigInt(values.length) << 12n;
    const options = { kind: CloneKind.SNAPSHOT, offset: 0n, size, resizable: true };
    const clone = object.createClone(options);
    this.trace.push(`snapshot: ${isValue(clone) ? "OK" : statusName(clone)}`);
    if (isValue(clone)) {
      this.living.push({ object: this.booted.keep(clone), values: [...values] });
    }
  }

  private decommit(): void {
    const living = this.anyOf(this.living);
    const { object, values } = living;
    if (values.length === 0) return;
    const page = this.prng.below(values.length);
    const status = now(object.zeroRange(BigInt(page) << 12n, 0x1000n));
    this.trace.push(`zero ${this.living.indexOf(living)} ${page}: ${statusName(status)}`);
    if (status === Status.OK) values[page] = 0;
  }

  /** Lets go of an object: mappings may keep it alive. */
  private release(): void {
    if (this.living.length < 2) return;
    const [{ object }] = this.living.splice(this.prng.below(this.living.length), 1) as [Living];
    this.trace.push("release");
    object.release();
    if (this.living.length === 0) this.living.push(this.newObject());
  }

  private resize(): void {
    const living = this.anyOf(this.living);
    const pages = this.anyOf([2, 5, PAGES, PAGES, PAGES]);
    const status = living.object.resize(BigInt(pages) << 12n);
    this.trace.push(`resize ${this.living.indexOf(living)} to ${pages}: ${statusName(status)}`);
    if (status !== Status.OK) return;
    const { values } = living;
    living.values = Array.from({ length: pages }, (_, page) => values[page] ?? 0);
  }

  private merge(): void {
    const mapping = this.anyMapping();
    if (mapping === null) return;
    this.trace.push(`merge ${mapping.base - this.booted.base}`);
    markMergeable(mapping);
    attributedMemory(mapping);
  }

  private mapInAdvance(): void {
    const mapping = this.anyMapping();
    if (mapping === null) return;
    const options = { commit: MapRangeCommit.NO, existing: ExistingEntry.SKIP };
    const status = mapRange(mapping, 0, mapping.pageCount, options);
    this.trace.push(`map in advance ${mapping.base - this.booted.base}: ${statusName(status)}`);
    if (status !== Status.OK) throw new Error(`mapping in advance: ${statusName(status)}`);
  }

  private harvest(): void {
    this.trace.push("harvest");
    harvestAllUserAccessedBits(
      this.booted.kernel.regions,
      this.anyOf(Object.values(NonTerminalAction)),
      this.anyOf(Object.values(TerminalAction)),
    );
  }

  private scan(): void {
    this.trace.push("scan");
    const limits = { zeroForkPages: 4, reclaimPages: 4, minAge: 1 };
    scanStep(this.booted.kernel.memory, limits);
  }

  private prioritize(): void {
    const priority = this.anyOf(Object.values(MemoryPriority));
    this.trace.push(`priority ${priority}`);
    now(setMemoryPriority(this.booted.aspace.root!, priority));
  }

  /** A sub-region comes, or one that is there ends with what is in it. */
  private reserve(): void {
    const at = this.prng.below(WINDOW);
    const { aspace, base } = this.booted;
    const found = aspace.root!.regions.findRegion(base + at);
    if (found?.kind === "vmar") {
      this.trace.push(`end the region at ${at}`);
      this.window.fill(null, found.base - base, found.base - base + found.pageCount);
      const status = destroyRegion(found);
      if (status !== Status.OK) throw new Error(`the region does not end: ${statusName(status)}`);
      return;
    }
    const count = 1 + this.prng.below(Math.min(4, WINDOW - at));
    const options = { offset: at, pageCount: count, alignShift: 0, flags: 0x7a, name: "sub" };
    const region = createSubVmar(aspace.root!, options);
    this.trace.push(`reserve ${at}+${count}: ${isValue(region) ? "OK" : statusName(region)}`);
  }

  /** Mostly one where something is mapped. */
  private anyPage(): number {
    const mapped = [...this.window.keys()].filter((page) => this.window[page] !== null);
    return mapped.length === 0 || this.prng.below(8) === 0
      ? this.prng.below(WINDOW)
      : this.anyOf(mapped);
  }

  private anyMapping(): VmMapping | null {
    const at = this.anyPage();
    const found = findDeepestRegion(this.booted.aspace, this.booted.base + at);
    return found?.kind === "mapping" ? found : null;
  }

  private anyOf<T>(choices: readonly T[]): T {
    return choices[this.prng.below(choices.length)]!;
  }

  private differs(at: number, expected: Status, seen: Status): Error {
    return new Error(`page ${at}: ${statusName(seen)} instead of ${statusName(expected)}`);
  }
}
