import type { RegionOperation } from "@aspace/vm";

/**
 * A fuzz input as data: what the decoder makes of bytes, what the executor runs, what a finding's trace
 * stores. Regions, mappings, objects and waiting threads are named by slots of small tables.
 */

export const ASPACE_SLOTS = 3;
/** The first are the roots of the aspaces. */
export const REGION_SLOTS = 8;
export const MAPPING_SLOTS = 12;
export const OBJECT_SLOTS = 8;
export const THREAD_SLOTS = 4;
/** Not near a mapping. */
export const WINDOW = -1;
export const TO_THE_END = 96;
export const CPUS = 2;
/** Of the objects in slots, the one with executable code that the kernel gives to processes. */
export const VDSO_PAGES = 4;
export const VDSO_CODE_START = 2;

export const ObjectType = {
  ANONYMOUS: "anonymous",
  /** Anonymous, and its allocations wait while memory is low. */
  PATIENT: "patient",
  PAGER: "pager",
  TRAPPING_PAGER: "trapping-pager",
  PHYSICAL: "physical",
  VDSO: "vdso",
} as const;
export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType];

/** An object to make. */
export interface Creation {
  readonly type: ObjectType;
  readonly pages: number;
  readonly sizing: "fixed" | "resizable";
  /** Of a physical object. */
  readonly cachePolicy: number;
}

/** Where an aspace lies: the window of a program begins `lead` pages after the base. */
export const Place = {
  /** A small aspace around the edge of a leaf table. */
  TABLE_EDGE: "table-edge",
  /** All that the page tables translate; the window is at its beginning. */
  WHOLE: "whole",
  /** A small aspace around the edge of a table of tables. */
  GIGABYTE_EDGE: "gigabyte-edge",
  /** The last pages that the page tables translate. */
  TOP: "top",
} as const;
export type Place = (typeof Place)[keyof typeof Place];

export type Kind = "user" | "guest";

/** Where a new region is to be. */
export const Spot = {
  ANYWHERE: "anywhere",
  SPECIFIC: "specific",
  OVERWRITE: "overwrite",
  BELOW: "below",
  /** Two wishes that do not go together. */
  CONTRADICTORY: "contradictory",
} as const;
export type Spot = (typeof Spot)[keyof typeof Spot];

export type Mode = "user" | "kernel" | "copy";
export type AccessKind = "load" | "store" | "fetch";
export type Children = "yes" | "no";
export type Level = "high" | "default";

type Is<K extends string, Operands> = K extends string ? { readonly kind: K } & Operands : never;

interface OnRegion {
  readonly region: number;
}

/** A mapping that pages are counted from, in whose aspace all happens; or the window. */
interface Near {
  /** Slot of the mapping, or `WINDOW`. */
  readonly near: number;
  readonly page: number;
}

/**
 * Pages are counted from a mapping, or from where the window of the region's aspace begins, and may lie outside of
 * everything. Near a mapping, an even `region` stands for the one that it is in, an odd one for the root.
 */
interface OnPages extends OnRegion, Near {
  /** `TO_THE_END`: of the mapping. */
  readonly count: number;
}

/** Slots from MAPPING_SLOTS on stand for mappings that have ended. Pages are counted from the first of the mapping. */
interface OnMapping {
  readonly mapping: number;
}

interface OnMappingPages extends OnMapping {
  readonly page: number;
  readonly count: number;
}

interface OnObject {
  readonly object: number;
}

interface OnObjectPages extends OnObject {
  readonly page: number;
  readonly count: number;
}

/** Near a mapping a new one goes on where that ends, with the next page of the same object. */
interface Placed extends OnPages {
  readonly spot: Spot;
  readonly alignShift: number;
}

/** Permissions and CAN_MAP rights: 1 read, 2 write, 4 execute. */
export type Operation =
  | Is<
      "createRegion",
      Placed & { readonly to: number; readonly rights: number; readonly traits: number }
    >
  | Is<
      "map",
      Placed & {
        readonly to: number;
        readonly object: number;
        readonly objectPage: number;
        readonly permissions: number;
        readonly rights: number;
      }
    >
  | Is<"destroyRegion", OnRegion>
  | Is<"unmap", OnPages & { readonly children: Children }>
  | Is<"unmapPartly", OnPages>
  | Is<"protect", OnPages & { readonly permissions: number; readonly children: Children }>
  | Is<"operate", OnPages & { readonly operation: RegionOperation; readonly children: Children }>
  | Is<"prioritize", OnRegion & { readonly level: Level }>
  | Is<"mappingProtect", OnMappingPages & { readonly permissions: number }>
  | Is<"mappingUnmap", OnMappingPages>
  | Is<"mapRange", OnMappingPages>
  | Is<"mappingDecommit", OnMappingPages>
  | Is<"merge", OnMapping>
  | Is<"mappingDestroy", OnMapping>
  | Is<"attribute", OnMapping>
  | Is<"create", Creation & { readonly to: number }>
  | Is<"drop", OnObject>
  | Is<"write", OnObject & { readonly page: number }>
  | Is<"commit" | "decommit" | "zero" | "pin", OnObjectPages>
  | Is<"unpin", OnObject>
  | Is<"resize", OnObject & { readonly pages: number }>
  | Is<"snapshot", OnObjectPages & { readonly to: number }>
  | Is<"supply" | "fail" | "dirty" | "writebackBegin" | "writebackEnd", OnObjectPages>
  | Is<"detach", OnObject>
  | Is<
      "access",
      {
        readonly cpu: number;
        readonly mode: Mode;
        readonly access: AccessKind;
      } & Near
    >
  | Is<"softFault", Near & { readonly aspace: number; readonly access: AccessKind }>
  | Is<"accessedFault", Near & { readonly aspace: number }>
  | Is<"switch", { readonly cpu: number; readonly aspace: number }>
  | Is<"prefetch", { readonly cpu: number; readonly page: number }>
  | Is<"harvest", { readonly tables: "retain" | "free"; readonly pages: "age" | "harvest" }>
  | Is<"dropTables", { readonly aspace: number }>
  | Is<"recreate", { readonly aspace: number }>
  | Is<"failAllocation", { readonly what: "objects" | "tables"; readonly nth: number }>
  /** The pager answers what a thread waits for. */
  | Is<"serve", { readonly thread: number }>
  | Is<"memory", { readonly level: "low" | "plenty" }>
  | Is<"resume", { readonly thread: number }>
  | Is<"interrupt", { readonly thread: number; readonly how: "time-out" | "kill" }>;

export type OperationKind = Operation["kind"];

export interface AspaceSpec {
  readonly kind: Kind;
  readonly place: Place;
}

/** A program and the world it runs in. */
export interface Program {
  readonly aspaces: readonly AspaceSpec[];
  readonly objects: readonly Creation[];
  readonly placement: "first-fit" | "aslr";
  /** Which world has which fault mode. */
  readonly faultModes: "upgrade-first" | "legacy-first";
  readonly seed: number;
  /** Frames of memory. */
  readonly frames: number;
  /** The whole world is looked at after so many operations. */
  readonly checkEvery: number;
  readonly operations: readonly Operation[];
}
