import type { Kind } from "../operation.ts";
import type { ModelObject } from "./model-object.ts";

/** VMAR flags, by the numbers that the contract gives them. */
export const COMPACT = 1;
export const SPECIFIC = 2;
export const OVERWRITE = 4;
export const CAN_MAP_SPECIFIC = 8;
export const CAN_RWX = 0x70;
export const CAN_READ = 0x10;
export const CAN_WRITE = 0x20;
export const CAN_EXECUTE = 0x40;
export const UPPER_LIMIT = 0x200;

/** MMU flags likewise. */
export const CACHE_MASK = 3;
export const USER = 4;
export const READ = 8;
export const WRITE = 0x10;
export const EXECUTE = 0x20;
export const RWX = 0x38;

interface Common {
  base: number;
  count: number;
  readonly flags: number;
  parent: ModelVmar | null;
  isAlive: boolean;
  isHigh: boolean;
  readonly aspace: ModelAspace;
}

/** A region of regions; children in address order. */
export interface ModelVmar extends Common {
  readonly kind: "vmar";
  readonly children: ModelRegion[];
}

export interface ModelMapping extends Common {
  readonly kind: "mapping";
  readonly object: ModelObject;
  objectPage: number;
  /** MMU flags, page by page. */
  protections: number[];
  isMergeable: boolean;
}

export type ModelRegion = ModelVmar | ModelMapping;

export interface ModelAspace {
  readonly kind: Kind;
  readonly base: number;
  readonly count: number;
  readonly root: ModelVmar;
  vdso: ModelMapping | null;
}

export const endOf = (region: { readonly base: number; readonly count: number }): number =>
  region.base + region.count;

export function isInside(region: ModelRegion, vpn: number, count: number): boolean {
  return vpn >= region.base && vpn < endOf(region) && endOf(region) - vpn >= count;
}

export function overlaps(region: ModelRegion, vpn: number, end: number): boolean {
  return region.base < end && vpn < endOf(region);
}

export function createAspace(kind: Kind, base: number, count: number): ModelAspace {
  const aspace = { kind, base, count, vdso: null } as unknown as {
    -readonly [K in keyof ModelAspace]: ModelAspace[K];
  };
  aspace.root = {
    kind: "vmar",
    base,
    count,
    flags: CAN_MAP_SPECIFIC | CAN_RWX,
    parent: null,
    isAlive: true,
    isHigh: false,
    aspace,
    children: [],
  };
  return aspace;
}

/** All regions below one, parents before children, in address order. */
export function* below(region: ModelVmar): Generator<ModelRegion> {
  for (const child of region.children) {
    yield child;
    if (child.kind === "vmar") yield* below(child);
  }
}

/** All mappings below a region, in address order, that have a page in a range. */
export function mappingsIn(region: ModelVmar, vpn: number, end: number): ModelMapping[] {
  const found: ModelMapping[] = [];
  for (const each of below(region)) {
    if (each.kind === "mapping" && overlaps(each, vpn, end)) found.push(each);
  }
  return found;
}

export function mappingAt(aspace: ModelAspace, vpn: number): ModelMapping | null {
  return mappingsIn(aspace.root, vpn, vpn + 1)[0] ?? null;
}

export function meetsVdso(aspace: ModelAspace, vpn: number, end: number): boolean {
  return aspace.vdso !== null && overlaps(aspace.vdso, vpn, end);
}

export function insert(parent: ModelVmar, child: ModelRegion): void {
  parent.children.push(child);
  parent.children.sort((left, right) => left.base - right.base);
}

export function remove(child: ModelRegion): void {
  const { children } = child.parent!;
  children.splice(children.indexOf(child), 1);
}

/** A mapping ends: it lets its object go. */
export function endMapping(mapping: ModelMapping): void {
  remove(mapping);
  setHigh(mapping, false);
  mapping.isAlive = false;
  mapping.parent = null;
  mapping.count = 0;
  mapping.protections = [];
  mapping.object.letGo();
}

export function setHigh(region: ModelRegion, isHigh: boolean): void {
  if (region.kind === "mapping" && region.isHigh !== isHigh) {
    region.object.highMappings += isHigh ? 1 : -1;
  }
  region.isHigh = isHigh;
}

/** The MMU flags that a request for permissions (1 read, 2 write, 4 execute) means in an aspace. */
export function mmuFlags({ kind }: ModelAspace, permissions: number): number {
  return (permissions << 3) | (kind === "user" ? USER : 0);
}

/** Whether a region's flags allow to map with these permissions. */
export function allows(flags: number, mmu: number): boolean {
  return (((mmu & RWX) << 1) & ~flags) === 0;
}
