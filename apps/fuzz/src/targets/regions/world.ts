import { KernelPanic, Status, statusName, type Architecture } from "@aspace/arch";
import { Kernel } from "@aspace/kernel";
import {
  FaultMode,
  Prng,
  UserPager,
  createObject,
  createPagerObject,
  createPhysicalObject,
  isValue,
  type Extent,
  type Result,
  type VmMapping,
  type VmObject,
  VmObjectPaged,
} from "@aspace/vm";
import type { Chance } from "./model/chance.ts";
import { ModelObject } from "./model/model-object.ts";
import { createAspace, type ModelMapping } from "./model/model-region.ts";
import {
  CPUS,
  MAPPING_SLOTS,
  OBJECT_SLOTS,
  Place,
  REGION_SLOTS,
  THREAD_SLOTS,
  VDSO_CODE_START,
  VDSO_PAGES,
  type AspaceSpec,
  type Creation,
  type Program,
} from "./operation.ts";
import type { AspaceResident, ObjectResident, RegionResident } from "./resident.ts";
import type { WaitingThread } from "./threads.ts";

/** Frames that device memory lies in: below those that are given out. */
const DEVICE_FIRST = 16;
const FIRST_FRAME = 128;
/** Fewer free frames than this, and an operation may fail for want of one. */
const SHORTAGE_FRAMES = 64;
const ENTROPY_BITS = 30;
const COMPACT_BITS = 8;

/** The one size in which there is a vDSO. */
const VDSO: Creation = { type: "vdso", pages: VDSO_PAGES, sizing: "fixed", cachePolicy: 0 };

/** Which allocation of the next operation fails. */
export interface Plan {
  readonly what: "objects" | "tables";
  readonly nth: number;
}

/** One architecture's kernel, with the aspaces and objects of a program and the model they are compared with. */
export class World {
  readonly architecture: Architecture;
  readonly kernel: Kernel;
  readonly program: Program;
  readonly aspaces: (AspaceResident | null)[] = [];
  readonly regions: (RegionResident | null)[] = Array.from({ length: REGION_SLOTS }, () => null);
  readonly mappings: (ModelMapping | null)[] = Array.from({ length: MAPPING_SLOTS }, () => null);
  /** All mappings that live, and those in slots. */
  readonly realOf: Map<ModelMapping, VmMapping> = new Map();
  readonly objects: (ObjectResident | null)[] = Array.from({ length: OBJECT_SLOTS }, () => null);
  /** All objects that live. */
  readonly residents: Map<ModelObject, ObjectResident> = new Map();
  readonly threads: (WaitingThread | null)[] = Array.from({ length: THREAD_SLOTS }, () => null);
  plan: Plan | null = null;
  /** The plan came true in this operation. */
  fired = false;
  /** Something failed for want of memory: worlds may differ from now on. */
  hasLacked = false;
  readonly #pager = new UserPager();
  /** Draws what the kernel draws. */
  readonly #chance: Prng;
  #nextDevice = DEVICE_FIRST;
  #isScarce = false;

  constructor(
    architecture: Architecture,
    quirks: ReadonlySet<string>,
    faultMode: FaultMode,
    program: Program,
  ) {
    const { frames, placement, seed } = program;
    this.architecture = architecture;
    this.program = program;
    this.#chance = new Prng(seed);
    this.kernel = new Kernel({
      architecture,
      quirks,
      faultMode,
      placement,
      seed,
      cpuCount: CPUS,
      frameCount: FIRST_FRAME + frames,
      firstFrame: FIRST_FRAME,
      entropyBits: ENTROPY_BITS,
    });
    for (const [slot, spec] of program.aspaces.entries()) {
      this.aspaces.push(null);
      const status = this.createAspace(slot, spec);
      if (status !== Status.OK) throw new KernelPanic("A-1", `no aspace: ${statusName(status)}`);
    }
  }

  get pmm(): Kernel["memory"]["pmm"] {
    return this.kernel.memory.pmm;
  }

  /** Whether an operation may fail, or wait, for want of memory. */
  get mayLackMemory(): boolean {
    return this.fired || this.#isScarce;
  }

  get mayWaitForMemory(): boolean {
    return this.pmm.isLow || this.#isScarce;
  }

  /** Does what may need memory, under the plan for this operation. */
  attempt<T>(action: () => T): T {
    const { failures } = this.pmm;
    const tables = this.kernel.machine.tables.failures;
    this.#isScarce = this.pmm.freeCount < SHORTAGE_FRAMES;
    const { plan } = this;
    this.plan = null;
    const armed = plan?.what === "tables" ? tables : failures;
    if (plan !== null) armed.failAt(plan.nth);
    try {
      return action();
    } finally {
      if (plan !== null && !armed.isPending()) this.fired = true;
      armed.failNever();
      if (this.pmm.freeCount < SHORTAGE_FRAMES) this.#isScarce = true;
    }
  }

  /** Something failed on the way: what is known about frames is forgotten, and other worlds may differ. */
  lack(): void {
    this.hasLacked = true;
    for (const { model } of this.residents.values()) model.blur();
  }

  createAspace(slot: number, { kind, place }: AspaceSpec): Status {
    const range = this.#rangeOf({ kind, place });
    const real = this.attempt(() => this.kernel.createAspace(kind, `aspace ${slot}`, range));
    if (!isValue(real)) return real;
    const chance = this.#drawChance(kind);
    const { base, pageCount } = real;
    const model = createAspace(kind, base, pageCount);
    const aspace: AspaceResident = { slot, real, model, window: base, chance };
    this.aspaces[slot] = aspace;
    this.regions[slot] = { aspace, real: real.root!, model: model.root };
    return Status.OK;
  }

  /** Every aspace that came to have page tables has drawn once, whatever its kind. */
  #drawChance(kind: "user" | "guest"): Chance | null {
    if (this.program.placement === "first-fit") return null;
    const prng = new Prng(this.#chance.next());
    return kind === "user" ? { prng, bits: ENTROPY_BITS, compactBits: COMPACT_BITS } : null;
  }

  #rangeOf({ kind, place }: AspaceSpec): Extent | undefined {
    const { baseVpn, pageCount } = this.architecture.aspaces[kind];
    switch (place) {
      case Place.WHOLE:
        return undefined;
      case Place.TABLE_EDGE:
        return { base: 1024 - 48, pageCount: 96 };
      case Place.GIGABYTE_EDGE:
        return { base: 2 ** 18 - 40, pageCount: 80 };
      case Place.TOP:
        return { base: topOf(baseVpn + pageCount), pageCount: TOP_PAGES };
    }
  }

  /** Makes an object; null when device memory is used up. */
  createObject(wanted: Creation): ObjectResident | Status | null {
    const creation = wanted.type === "vdso" ? VDSO : wanted;
    if (creation.type !== "physical") {
      const real = this.attempt(() => this.#createPaged(creation));
      return isValue(real) ? this.enter(real, new ModelObject(creation)) : real;
    }
    const first = this.#nextDevice;
    if (first + creation.pages > FIRST_FRAME) return null;
    this.#nextDevice += creation.pages;
    const size = bytes(creation.pages);
    const real = this.attempt(() =>
      createPhysicalObject(this.kernel.memory, { base: bytes(first), size }),
    );
    if (!isValue(real)) return real;
    real.setCachePolicy(creation.cachePolicy);
    return this.enter(real, new ModelObject(creation, first));
  }

  #createPaged({ type, pages, sizing }: Creation): Result<VmObjectPaged> {
    const { memory, regions } = this.kernel;
    const resizable = sizing === "resizable";
    if (type === "pager" || type === "trapping-pager") {
      const trapsDirty = type === "trapping-pager";
      const source = this.#pager.createSource({ key: 1, trapsDirty });
      return createPagerObject(memory, { size: bytes(pages), source, resizable });
    }
    if (type === "vdso") {
      const vdso = createObject(memory, { size: bytes(pages) });
      if (isValue(vdso)) {
        regions.vdsoImages.set(vdso, { codeStartPage: VDSO_CODE_START, pageCount: VDSO_PAGES });
      }
      return vdso;
    }
    const policy = type === "patient" ? "can-wait" : "never-waits";
    return createObject(memory, { size: bytes(pages), resizable, policy });
  }

  /** An object that there is from now on. */
  enter(real: VmObject, model: ModelObject): ObjectResident {
    const resident = { real, model, paged: real instanceof VmObjectPaged ? real : null };
    this.residents.set(model, resident);
    return resident;
  }

  /** Forgets objects that are gone, here and there. */
  bury(): void {
    for (const [model, { real }] of this.residents) {
      if (model.isAlive === real.isAlive) {
        if (!model.isAlive) this.residents.delete(model);
        continue;
      }
      const seen = real.isAlive ? "lives" : "is gone";
      throw new KernelPanic("O-V5", `an object ${seen}, with ${model.holders} to hold it`);
    }
  }
}

/** The last pages, from a place that is aligned alike on all architectures. */
const TOP_PAGES = 95;
const topOf = (end: number): number => Math.floor((end - TOP_PAGES) / 32) * 32;

export const bytes = (pages: number): bigint => BigInt(pages) * 4096n;

/** The first slot from `wanted` on, cyclically, that will do; -1 for none (F-4). */
export function slotFrom<T>(
  slots: readonly T[],
  wanted: number,
  willDo: (content: T) => boolean,
): number {
  for (let i = 0; i < slots.length; i++) {
    const slot = (wanted + i) % slots.length;
    if (willDo(slots[slot]!)) return slot;
  }
  return -1;
}
