/** An address space over flat tables, made through the public face of regions, and drawn as text. */
import { MmuFlags, type MmuFlagSet, type Vpn } from "@aspace/arch";
import { isValue, type Result } from "../src/objects/blocking.ts";
import { createObject } from "../src/objects/create-object.ts";
import type { MemorySystem } from "../src/objects/memory-system.ts";
import type { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import { validateRegions } from "../src/regions/aspace-validate.ts";
import {
  createMapping,
  createSubVmar,
  type NewMappingOptions,
} from "../src/regions/region-creation.ts";
import { RegionSystem, type FaultMode } from "../src/regions/region-system.ts";
import type { VmAddressRegion } from "../src/regions/vm-address-region.ts";
import { VmAspace, type Aslr } from "../src/regions/vm-aspace.ts";
import type { VmMapping } from "../src/regions/vm-mapping.ts";
import { VmarFlags } from "../src/regions/vmar-flags.ts";
import { FlatTables, type FlatTablesOptions } from "./flat-tables.ts";
import { createSmallSystem } from "./small-system.ts";

export const R: MmuFlagSet = MmuFlags.READ | MmuFlags.USER;
export const RW: MmuFlagSet = R | MmuFlags.WRITE;
export const RX: MmuFlagSet = R | MmuFlags.EXECUTE;
export const RWX: MmuFlagSet = RW | MmuFlags.EXECUTE;

export interface RegionWorldOptions extends FlatTablesOptions {
  readonly quirks?: readonly string[];
  readonly faultMode?: FaultMode;
  readonly aslr?: Aslr;
  readonly frames?: number;
}

/** Tables that may want regions to be elsewhere. */
class PickyTables extends FlatTables {
  pick: (vpn: Vpn) => Vpn = (vpn) => vpn;

  override pickSpot(vpn: Vpn): Vpn {
    return this.pick(vpn);
  }
}

export class RegionWorld {
  readonly memory: MemorySystem;
  readonly system: RegionSystem;
  readonly arch: PickyTables;
  readonly aspace: VmAspace;
  readonly root: VmAddressRegion;

  constructor(options: RegionWorldOptions = {}) {
    const { quirks = [], aslr, frames = 128, faultMode } = options;
    this.memory = createSmallSystem({ frames }).system;
    this.system = new RegionSystem({
      memory: this.memory,
      quirks: new Set(quirks),
      ...(faultMode === undefined ? {} : { faultMode }),
    });
    this.arch = new PickyTables({ baseVpn: 0, pageCount: 1000, ...options });
    this.aspace = new VmAspace({
      system: this.system,
      arch: this.arch,
      name: "test",
      ...(aslr === undefined ? {} : { aslr }),
    });
    this.root = this.aspace.root!;
  }

  /** An anonymous object. The test holds it. */
  object(pages: number): VmObjectPaged {
    return value(createObject(this.memory, { size: BigInt(pages) * 4096n }));
  }

  /** A mapping at a page of its parent, of a new object that nobody else holds, unless one is given. */
  map(
    offset: number,
    pageCount: number,
    options: Partial<NewMappingOptions> & InParent = {},
  ): VmMapping {
    const object = options.object ?? this.object(pageCount);
    const created = createMapping(options.parent ?? this.root, {
      flags: VmarFlags.SPECIFIC,
      alignShift: 0,
      objectOffset: 0,
      mmuFlags: RW,
      ...options,
      offset,
      pageCount,
      object,
    });
    if (options.object === undefined) object.release();
    return value(created).mapping;
  }

  /** A sub-region at a page of its parent that allows everything. */
  vmar(
    offset: number,
    pageCount: number,
    { parent = this.root, name = "" }: InParent & { name?: string } = {},
  ): VmAddressRegion {
    const flags = VmarFlags.SPECIFIC | VmarFlags.CAN_MAP_SPECIFIC | VmarFlags.CAN_RWX;
    return value(createSubVmar(parent, { offset, pageCount, alignShift: 0, flags, name }));
  }

  locked<T>(step: () => T): T {
    this.aspace.lock.acquire();
    try {
      return step();
    } finally {
      this.aspace.lock.release();
    }
  }

  /** The tree, which must be sound, one item a child: `10-14` for a mapping, `20-30(...)` for a region. */
  layout(): string {
    validateRegions(this.system);
    return this.layoutOf(this.root);
  }

  private layoutOf(region: VmAddressRegion): string {
    const items: string[] = [];
    for (let child = region.regions.first(); child !== null; child = region.regions.next(child)) {
      const extent = `${child.base}-${child.base + child.pageCount}`;
      items.push(child.kind === "mapping" ? extent : `${extent}(${this.layoutOf(child)})`);
    }
    return items.join(" ");
  }
}

export interface InParent {
  readonly parent?: VmAddressRegion;
}

/** Unwraps what must not have failed. */
export function value<T extends object>(result: Result<T>): T {
  if (!isValue(result)) throw new Error(`status ${result}`);
  return result;
}

/** The pages from `vpn` on that have entries. */
export function entriesFrom({ arch }: RegionWorld, vpn: Vpn, count: number): Vpn[] {
  return Array.from({ length: count }, (_, i) => vpn + i).filter((at) => arch.entries.has(at));
}
