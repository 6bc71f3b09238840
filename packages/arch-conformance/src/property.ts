import type { Architecture, AspaceKind, Capabilities } from "@aspace/arch";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** One demand on a backend, checked by doing things to it. A property is a value. */
export interface Property {
  /** Its id in SPEC.md: `P-M5`. */
  readonly id: string;
  /** The demand in a sentence. */
  readonly title: string;
  /** The kinds of aspace that it is about. */
  readonly kinds: readonly AspaceKind[];
  /** The capability that excludes it, in words; null or absent when none does. */
  readonly excludedBy?: (capabilities: Capabilities, kind: AspaceKind) => string | null;
  /** Returns when the demand holds; throws when not. */
  readonly run: (context: PropertyContext) => void;
}

/** What a running property is given. */
export interface PropertyContext {
  readonly architecture: Architecture;
  readonly quirks: ReadonlySet<string>;
  readonly seed: number;
  readonly kind: AspaceKind;
  readonly capabilities: Capabilities;
  /** A freshly booted machine; the world before it is gone. */
  world(options?: { readonly tagLimit?: number }): World;
  /** The property's own stream of numbers, the same for the same seed. */
  readonly random: Random;
}

export const EVERY_KIND: readonly AspaceKind[] = ["user", "kernel", "guest"];
/** The kinds that can be created and destroyed. */
export const CREATED_KINDS: readonly AspaceKind[] = ["user", "guest"];

/** Excluded unless the backend has leaves above a base page. */
export function needsLargeLeaves({ leafShifts }: Capabilities): string | null {
  return leafShifts.length > 1 ? null : "leafShifts has only base pages";
}

/** Excluded where `protect` removes mappings. */
export function needsProtect({ protectIsUnmap }: Capabilities): string | null {
  return protectIsUnmap ? "protectIsUnmap" : null;
}

/** Excluded where leaves have no accessed bit. */
export function needsAccessedBit({ accessedBit }: Capabilities): string | null {
  return accessedBit ? null : "no accessedBit";
}
