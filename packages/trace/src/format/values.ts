/**
 * Values of the format. In a file a number of bytes is `4096` or `"0x1000"`; once read it is always text, lower case and
 * without leading zeroes, so that equal values are equal texts. Only the executor makes numbers of them.
 */

/** Bytes, an offset or an address: `0x1000`, below 2^64. */
export type Hex = string;

/** An absolute address, or the place where something with a name began, and bytes behind that: `code+0x1000`. */
export type AddressText = string;

/** Bytes: pairs of hexadecimal digits, or one byte over and over. */
export type Data = string | { readonly fill: number; readonly length: Hex };

/** Which attempt from now on fails: the n-th, 1 is the next. */
export type When = number | "always" | "never";

/** What is supplied: what was taken elsewhere, or the beginnings of pages, zero from there on; `""` is no page but zero. */
export type Contents = { readonly list: string } | { readonly pages: readonly Data[] };

export interface PacketText {
  readonly type: string;
  readonly key: number;
  readonly offset: Hex;
  readonly length: Hex;
}

export interface RangeText {
  readonly offset: Hex;
  readonly length: Hex;
  /** Nobody need read it. */
  readonly zero: boolean;
}

export interface AttributionText {
  readonly uncompressed?: Hex;
  readonly compressed?: Hex;
}

/** What a page table holds: permissions, and whose page: `a+0x1000`, `zero`, or a physical address. */
export interface EntryText {
  readonly flags?: readonly string[];
  readonly shows?: string;
}

/** Anything that one operation answers with one value. */
export type Value = string | number | boolean | null;

export const NAME_PATTERN: RegExp = /^[A-Za-z_][\w.-]*$/;
export const HEX_PATTERN: RegExp = /^0[xX]0*[\da-fA-F]{1,16}$/;
export const WORD_PATTERN: RegExp = /^0[xX]0*[\da-fA-F]{1,8}$/;
export const ADDRESS_PATTERN: RegExp =
  /^(?:0[xX]0*[\da-fA-F]{1,16}|[A-Za-z_][\w.-]*(?:\+0[xX]0*[\da-fA-F]{1,16})?)$/;
export const DATA_PATTERN: RegExp = /^(?:[\da-fA-F]{2})*$/;

/** The one text of a number of bytes. */
export function canonicalHex(value: number | string): Hex {
  if (typeof value === "number") return `0x${value.toString(16)}`;
  const digits = value
    .slice(2)
    .toLowerCase()
    .replace(/^0+(?=.)/, "");
  return `0x${digits}`;
}

/** The one text of an address. */
export function canonicalAddress(value: number | string): AddressText {
  if (typeof value === "number" || /^\d/.test(value)) return canonicalHex(value);
  const [name, offset] = value.split("+");
  if (offset === undefined || canonicalHex(offset) === "0x0") return name!;
  return `${name}+${canonicalHex(offset)}`;
}
