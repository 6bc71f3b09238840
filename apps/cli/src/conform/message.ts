/**
 * What the thread that runs the suite is asked, and what it tells the thread that owns the terminal.
 */
import type { AspaceKind, Quirk } from "@aspace/arch";
import type { PropertyResult } from "@aspace/arch-conformance";

/** The backend to test. */
export type Subject =
  | { readonly kind: "registered"; readonly name: string }
  /** A module from anywhere, by file URL; `path` is how the user wrote it. */
  | { readonly kind: "module"; readonly url: string; readonly path: string };

export interface Request {
  readonly job: "run" | "list";
  readonly subject: Subject;
  /** As the user wrote them. */
  readonly quirks: readonly string[];
  /** As the user wrote them; empty for all. */
  readonly properties: readonly string[];
  readonly kinds: readonly AspaceKind[];
  readonly seed: number;
}

/** One property on one kind of aspace. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly kind: AspaceKind;
}

/** What there is to run, on what. */
export interface Catalog {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly Case[];
  readonly quirks: readonly Quirk[];
  /** Ids of the quirks that are switched on. */
  readonly quirksOn: readonly string[];
}

export type Message =
  /** The backend is loaded and the request makes sense. */
  | { readonly kind: "ready"; readonly catalog: Catalog }
  | { readonly kind: "started"; readonly case: Case }
  | { readonly kind: "result"; readonly result: PropertyResult }
  | { readonly kind: "done" }
  /** The user's input is at fault: one line. */
  | { readonly kind: "refused"; readonly reason: string };
