import { AspaceKind, Enlarge, KernelPanic, type ArchVmAspace, type Vpn } from "@aspace/arch";
import { Lock, LockRank } from "../lock.ts";
import type { Extent } from "./extent.ts";
import type { Prng } from "./prng.ts";
import type { RegionSystem } from "./region-system.ts";
import { VmAddressRegion } from "./vm-address-region.ts";
import type { VmMapping } from "./vm-mapping.ts";
import { VmarFlags } from "./vmar-flags.ts";

/** Bits of chance in the place of a region. 0 for both means first fit, without asking the PRNG. */
export interface Aslr {
  readonly entropyBits: number;
  readonly compactEntropyBits: number;
  readonly prng: Prng;
}

export interface AspaceOptions {
  readonly system: RegionSystem;
  readonly arch: ArchVmAspace;
  readonly name: string;
  /** Null: first fit. Only user aspaces have any. */
  readonly aslr?: Aslr | null;
  /** A part of what the page tables translate; all of it unless given. */
  readonly range?: Extent;
}

/** An address space: a tree of regions, and the page tables that cache it. */
export class VmAspace implements Extent {
  readonly system: RegionSystem;
  readonly arch: ArchVmAspace;
  readonly id: number;
  readonly name: string;
  readonly base: Vpn;
  readonly pageCount: number;
  readonly aslr: Aslr | null;
  readonly lock: Lock;
  /** Null once destroyed (I-1). */
  root: VmAddressRegion | null;
  isDestroyed = false;
  /** The mapping of the last fault, an ALIVE one of this aspace (I-26). */
  lastFault: VmMapping | null = null;
  /** The one mapping of the vDSO's code. */
  vdsoCodeMapping: VmMapping | null = null;
  /** Regions and mappings with high priority. */
  highPriorityCount = 0;
  /** Harvests since a CPU was last active here; page tables are freed at the second. */
  idleTableHarvests = 0;

  /** The page tables must be initialised, and translate the range. The root is ALIVE at once (V-1). */
  constructor({ system, arch, name, aslr = null, range }: AspaceOptions) {
    this.system = system;
    this.arch = arch;
    this.id = system.takeId();
    this.name = name;
    this.base = range?.base ?? arch.baseVpn;
    this.pageCount = range?.pageCount ?? arch.pageCount;
    this.aslr = arch.kind === AspaceKind.USER ? aslr : null;
    this.lock = new Lock(system.memory.locks, LockRank.ASPACE, "aspace lock");
    const { base, pageCount } = this;
    const flags = VmarFlags.CAN_MAP_SPECIFIC | VmarFlags.CAN_RWX;
    this.root = new VmAddressRegion({
      aspace: this,
      parent: null,
      base,
      pageCount,
      flags,
      name: "root",
    });
    this.lock.acquire();
    this.root.activateLocked();
    this.lock.release();
    system.listLock.acquire();
    system.aspaces.add(this);
    system.listLock.release();
  }

  /** A process's aspace; a guest's is not. */
  get isUser(): boolean {
    return this.arch.kind === AspaceKind.USER;
  }

  get isGuest(): boolean {
    return this.arch.kind === AspaceKind.GUEST;
  }

  /** Whether translations beside a range may go for a while: faults bring them back, but nobody handles a kernel's. */
  get enlarge(): Enlarge {
    return this.arch.kind === AspaceKind.KERNEL ? Enlarge.NO : Enlarge.YES;
  }

  /** Where the vDSO's code begins; 0 while nothing maps it. */
  get vdsoCodeBase(): Vpn {
    return this.vdsoCodeMapping?.base ?? 0;
  }

  /** Whether a range overlaps the vDSO's code. */
  intersectsVdsoCode(vpn: Vpn, count: number): boolean {
    const vdso = this.vdsoCodeMapping;
    return vdso !== null && vpn < vdso.base + vdso.pageCount && vdso.base < vpn + count;
  }

  /** Panics with A-5 when the count would be negative or the aspace is gone. */
  changeHighPriorityLocked(delta: 1 | -1): void {
    this.lock.assertHeld();
    const before = this.highPriorityCount;
    if (this.isDestroyed || before + delta < 0) {
      throw new KernelPanic("A-5", `aspace ${this.id} counts ${before} and changes by ${delta}`);
    }
    this.highPriorityCount = before + delta;
    if (before === 0) this.system.counters.highPriorityAspaces++;
    else if (this.highPriorityCount === 0) this.system.counters.highPriorityAspaces--;
  }
}
