/**
 * What the thread that runs the suite is asked, and what it tells the thread that owns the terminal.
 */
import type { AspaceKind, Quirk } from "@aspace/arch";

/** The backend to test. */
export type Subject =
  | { readonly kind: "registered"; readonly name: string }
  /** A module from anywhere, by file URL; `path` is how the user wrote it. */
  | { readonly kind: "module"; readonly url: string; readonly path: string };

export interface Request {
  readonly subject: Subject;
  /** As the user wrote them. */
  readonly quirks: readonly string[];
  /** As the user wrote them; empty for all. */
  readonly properties: readonly string[];
  readonly kinds: readonly AspaceKind[];
  readonly seed: number;
  readonly job: "run" | "list";
}

/** One property on one kind of aspace. */
export interface PropertyResult {
  readonly property: string;
  readonly title: string;
  readonly kind: AspaceKind;
  readonly outcome: "passed" | "failed" | "not-applicable";
  /** The capability that excludes it, or what was seen broken; null when it passed. */
  readonly reason: string | null;
  /** The last operations before a failure, in words. */
  readonly trace: readonly string[];
}

/** What there is to run. */
export interface Catalog {
  readonly name: string;
  readonly title: string;
  readonly properties: readonly { readonly id: string; readonly title: string }[];
  readonly quirks: readonly Quirk[];
  /** Ids of the quirks that are switched on. */
  readonly quirksOn: readonly string[];
  /** Results that will follow. */
  readonly total: number;
}

export type Message =
  /** The module is loaded and the request makes sense. */
  | { readonly kind: "ready"; readonly catalog: Catalog }
  | { readonly kind: "started"; readonly property: string; readonly on: AspaceKind }
  | { readonly kind: "result"; readonly result: PropertyResult }
  | { readonly kind: "done" }
  /** The user's input is at fault: one line. */
  | { readonly kind: "refused"; readonly reason: string };
