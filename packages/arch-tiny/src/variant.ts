/**
 * Tiny comes in two variants, so that both sides of every capability have a backend that a reader
 * can hold in the head. Everything else about them is the same.
 */
export interface TinyVariant {
  readonly name: string;
  readonly title: string;
  /** Who sets the accessed bit of a leaf; with "software", a touch of a clear one faults. */
  readonly accessedBy: "hardware" | "software";
  /** How a large leaf may become a table: in one store, or only by way of an absent entry. */
  readonly split: "replace" | "break-before-make";
}

/** Like x86-64 in what hardware does for you. */
export const RELAXED: TinyVariant = {
  name: "tiny",
  title: "Tiny: 3-bit indices, hardware accessed bits, splits in one store",
  accessedBy: "hardware",
  split: "replace",
};

/** Like arm64 in what it leaves to software. */
export const STRICT: TinyVariant = {
  name: "tiny-strict",
  title: "Tiny: 3-bit indices, access faults, break-before-make",
  accessedBy: "software",
  split: "break-before-make",
};
