/**
 * Calls of a process that are wrong in one or several ways, to find out which way is reported. A region, the zone, holds
 *
 *     pages  0       8          16         24      28                    64
 *            |───────[mapping   ][mapping   ][map   ]─────────────────────|
 *                                  or a       or the
 *                                  sub-region vDSO's code
 *
 * (nothing at all if mappings may not have every permission in it)
 * and a call on it has what arguments a `Situation` says.
 */
import { PAGE_BYTES, Status } from "@aspace/arch";
import { isValue, type Result } from "../src/objects/blocking.ts";
import type { VmObject } from "../src/objects/vm-object.ts";
import { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import { Detail, dumpAspace } from "../src/regions/aspace-dump.ts";
import { createSubVmar } from "../src/regions/region-creation.ts";
import { destroyRegion } from "../src/regions/region-destroy.ts";
import type { VmAddressRegion } from "../src/regions/vm-address-region.ts";
import { VmarFlags, type VmarFlagSet } from "../src/regions/vmar-flags.ts";
import {
  Right,
  type Handle,
  type Rights,
  type VmarHandle,
  type VmoHandle,
} from "../src/syscalls/rights.ts";
import { VmarOp } from "../src/syscalls/vmar-op-range.ts";
import type { VmOptions } from "../src/syscalls/vmar-options.ts";
import type { FlatTablesOptions } from "./flat-tables.ts";
import { BASE, R, RX, SmallAspace } from "./small-aspace.ts";

export const PAGE: bigint = BigInt(PAGE_BYTES);
/** One past the largest number of 64 bits. */
export const WRAP: bigint = 1n << 64n;

export const ALL_RIGHTS: Rights =
  Right.READ | Right.WRITE | Right.EXECUTE | Right.MAP | Right.OP_CHILDREN;

/** A handle that may do anything, unless it is said what. */
export function handleTo<T>(object: T, rights: Rights = ALL_RIGHTS): Handle<T> {
  return { object, rights };
}

/** The address of a page that is counted from BASE. */
export function addressOf(page: number): bigint {
  return BigInt(BASE + page) * PAGE;
}

/** A status, or OK for a value. */
export function statusOf(result: Result<object>): Status {
  return typeof result === "number" ? result : Status.OK;
}

/** Pages, from BASE on and of the zone. */
export const ZONE = { at: 96, pages: 64 } as const;
export const OWN = { at: 8, pages: 8 } as const;
export const SUB = { at: 16, pages: 8 } as const;
export const VDSO = { at: 24, pages: 4 } as const;
const { CAN_RWX, CAN_MAP_SPECIFIC, CAN_MAP_READ, CAN_MAP_WRITE, SPECIFIC } = VmarFlags;

/** Of the vDSO's image, where its code begins. */
const VDSO_CODE = 2;

export type Trait = "dead" | "no memory" | "sub-region" | "vdso";

export interface Situation {
  readonly traits: Set<Trait>;
  target: "zone" | "root";
  zoneFlags: VmarFlagSet;
  /** What is mapped. */
  object: "anonymous" | "resizable" | "discardable" | "vdso";
  vmarRights: Rights;
  vmoRights: Rights;
  options: VmOptions;
  /** Bytes from the zone's base on, wherever the call wants an offset or an address. */
  offset: bigint;
  length: bigint;
  vmoOffset: bigint;
  op: number;
  buffer: bigint;
  bufferSize: bigint;
}

/** A call on the first mapping, by handles that may do anything, if nothing else is said. */
export function situation(changed: Partial<Situation> = {}): Situation {
  return {
    traits: new Set(),
    target: "zone",
    zoneFlags: CAN_RWX | CAN_MAP_SPECIFIC,
    object: "anonymous",
    vmarRights: ALL_RIGHTS,
    vmoRights: ALL_RIGHTS,
    options: 0,
    offset: BigInt(OWN.at) * PAGE,
    length: BigInt(OWN.pages) * PAGE,
    vmoOffset: 0n,
    op: VmarOp.MAP_RANGE,
    buffer: 0n,
    bufferSize: 0n,
    ...changed,
  };
}

/** A situation that has come about. */
export class Scene {
  readonly world: SmallAspace;
  readonly call: Situation;
  readonly zone: VmAddressRegion;
  readonly vmar: VmarHandle;
  readonly vmo: VmoHandle;
  private readonly vdso: VmObject;

  constructor(call: Situation, options: FlatTablesOptions = {}) {
    this.call = call;
    const world = new SmallAspace({ frames: 32, ...options });
    this.world = world;
    this.vdso = world.object(VDSO_CODE + VDSO.pages);
    world.system.vdsoImages.set(this.vdso, { codeStartPage: VDSO_CODE, pageCount: 6 });
    this.zone = made(
      createSubVmar(world.root, {
        offset: ZONE.at,
        pageCount: ZONE.pages,
        alignShift: 0,
        flags: call.zoneFlags | SPECIFIC,
        name: "zone",
      }),
    );
    this.vmo = { object: this.shown(), rights: call.vmoRights };
    if (call.traits.has("dead")) destroyRegion(this.zone);
    else if ((call.zoneFlags & CAN_RWX) === CAN_RWX) this.furnish();
    const object = call.target === "root" ? world.root : this.zone;
    this.vmar = { object, rights: call.vmarRights };
    if (call.traits.has("no memory")) world.small.system.pmm.failures.failAt(1);
  }

  /** The call's offset. */
  get offset(): bigint {
    return BigInt.asUintN(64, this.call.offset);
  }

  /** The call's address. */
  get address(): bigint {
    return BigInt.asUintN(64, BigInt(BASE + ZONE.at) * PAGE + this.call.offset);
  }

  /** All that a call could change. */
  describe(): string {
    const { aspace, tables, objects, small } = this.world;
    const entries = [...tables.entries].map(([vpn, { pfn, flags }]) => `${vpn} ${pfn} ${flags}`);
    return [
      ...dumpAspace(aspace, Detail.VERBOSE),
      ...objects.flatMap((object) => (object instanceof VmObjectPaged ? object.dump() : [])),
      ...objects.map((object) => `held ${object.holderCount} mapped ${object.mappings.size}`),
      ...entries,
      `frames ${small.system.pmm.liveCount}`,
      `zone ${this.zone.state} vdso ${aspace.vdsoCodeMapping?.id} high ${aspace.highPriorityCount}`,
    ].join("\n");
  }

  private shown(): VmObject {
    const { object } = this.call;
    if (object === "vdso") return this.vdso;
    return this.world.object(8, {
      resizable: object === "resizable",
      discardable: object === "discardable",
    });
  }

  private furnish(): void {
    const { world, call } = this;
    const { traits } = call;
    this.mapPlain(OWN);
    for (const page of [0, 2, 3]) world.write(ZONE.at + OWN.at + page, 1);
    if (traits.has("sub-region")) {
      const parent = world.region(ZONE.at + SUB.at, SUB.pages, this.zone);
      const object = world.object(SUB.pages);
      world.map({ object, at: ZONE.at + SUB.at, count: SUB.pages, protection: R, parent });
    } else this.mapPlain(SUB);
    if (traits.has("vdso")) {
      const at = ZONE.at + VDSO.at;
      const place = {
        object: this.vdso,
        at,
        count: VDSO.pages,
        offset: VDSO_CODE,
        parent: this.zone,
      };
      world.aspace.vdsoCodeMapping = world.map({ ...place, protection: RX });
    } else this.mapPlain(VDSO);
  }

  /** A mapping that can be read and written, never executed. */
  private mapPlain({ at, pages }: { readonly at: number; readonly pages: number }): void {
    const flags = SPECIFIC | CAN_MAP_READ | CAN_MAP_WRITE;
    const object = this.world.object(pages);
    this.world.map({ object, at: ZONE.at + at, count: pages, flags, parent: this.zone });
  }
}

export function made<T extends object>(result: Result<T>): T {
  if (!isValue(result)) throw new Error(`status ${result}`);
  return result;
}
