import { PAGE_BYTES } from "@aspace/arch";
import { canonicalHex, type Data, type Hex } from "../format/values.ts";
import { Unplayable } from "./unplayable.ts";

/** Between the texts of the format, the bytes of objects and the pages of everything else. */

const PAGE = BigInt(PAGE_BYTES);

/** What equal bytes in a row are written as. */
const LONGEST_PLAIN = 16;

/** Bytes as the byte-addressed methods of objects and the calls on regions take them. */
export type Bytes = bigint;

export function bytesOf(text: Hex): Bytes {
  return BigInt(text);
}

export function textOfBytes(bytes: Bytes | number): Hex {
  return canonicalHex(`0x${bytes.toString(16)}`);
}

/** A page number as the bytes it stands for. */
export function textOfPages(pages: number): Hex {
  return textOfBytes(BigInt(pages) * PAGE);
}

/** Pages of a number of bytes that must be whole pages. */
export function pagesOf(text: Hex, field: string): number {
  const bytes = bytesOf(text);
  if (bytes % PAGE !== 0n) throw new Unplayable(`${field}: expected whole pages, found ${text}`);
  return Number(bytes / PAGE);
}

/** The page and the byte in it. */
export function splitOf(text: Hex): { readonly page: number; readonly offset: number } {
  const bytes = bytesOf(text);
  return { page: Number(bytes / PAGE), offset: Number(bytes % PAGE) };
}

export function sum(left: Hex, right: Hex): Hex {
  return textOfBytes(BigInt.asUintN(64, bytesOf(left) + bytesOf(right)));
}

/** Length of a read: small enough for an array. */
export function arrayLength(text: Hex): number {
  const length = bytesOf(text);
  if (length > MOST_BYTES) {
    throw new Unplayable(`length: expected at most ${textOfBytes(MOST_BYTES)}, found ${text}`);
  }
  return Number(length);
}

/** Bytes that one operation of a trace moves at most: 64 MiB. */
const MOST_BYTES = 0x400_0000n;

export function arrayOf(data: Data): Uint8Array {
  if (typeof data !== "string") return new Uint8Array(arrayLength(data.length)).fill(data.fill);
  return Uint8Array.from({ length: data.length / 2 }, (_, at) =>
    Number.parseInt(data.slice(2 * at, 2 * at + 2), 16),
  );
}

export function textOfArray(bytes: Uint8Array): Data {
  const [fill] = bytes;
  if (fill !== undefined && bytes.length > LONGEST_PLAIN && bytes.every((byte) => byte === fill)) {
    return { fill, length: textOfBytes(bytes.length) };
  }
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
