import {
  HEADER_BYTES,
  MAX_OPERATIONS,
  RECORD_BYTES,
  decodeRecord,
  decodeSetting,
  decodeWorld,
  type Setting,
} from "./decode.ts";
import { KINDS, OPCODES } from "./kind-table.ts";
import type { Operation, Program } from "./operation.ts";
import { PAGE_CHOICES } from "./setups.ts";

/**
 * Programs to bytes, by trying: each field of a record depends on one or two of its bytes, so the bytes are found one
 * after the other. What `decode` makes of the result is the program; null when no input says it (F-10).
 */
export function encode(program: Program): Uint8Array | null {
  if (program.operations.length > MAX_OPERATIONS) return null;
  for (let choice = 0; choice < PAGE_CHOICES.length; choice++) {
    const bytes = new Uint8Array(HEADER_BYTES + program.operations.length * RECORD_BYTES);
    if (!encodeWorld(program, bytes)) return null;
    bytes[PAGES_BYTE] = choice;
    const setting = decodeSetting(bytes);
    const isDone = program.operations.every((operation, i) =>
      encodeRecord(operation, bytes, HEADER_BYTES + i * RECORD_BYTES, setting),
    );
    if (isDone) return bytes;
  }
  return null;
}

const PAGES_BYTE = 6;

/** The bytes of the header that say what world it is. */
const WORLD_BYTES = [0, 1, 2, 3, 7] as const;

function encodeWorld(program: Program, bytes: Uint8Array): boolean {
  const { operations: _operations, ...world } = program;
  const matches = (): number => matching(decodeWorld(bytes), world);
  for (const index of WORLD_BYTES) improve(bytes, index, matches);
  return matches() === Object.keys(world).length;
}

/** The bytes of a record from the one that most depends on: where, how many, what, who. */
const RECORD_ORDER = [5, 2, 3, 4, 1, 5, 2] as const;

function encodeRecord(
  operation: Operation,
  bytes: Uint8Array,
  offset: number,
  setting: Setting,
): boolean {
  bytes[offset] = OPCODES.indexOf(KINDS.indexOf(operation.kind));
  const matches = (): number => matching(decodeRecord(bytes, offset, setting), operation);
  for (const index of RECORD_ORDER) improve(bytes, offset + index, matches);
  return matches() === Object.keys(operation).length;
}

/** Sets a byte to the lowest value with which most fields are right. */
function improve(bytes: Uint8Array, index: number, matches: () => number): void {
  let best = bytes[index]!;
  let most = matches();
  for (let value = 0; value < 256; value++) {
    bytes[index] = value;
    const found = matches();
    if (found <= most) continue;
    most = found;
    best = value;
  }
  bytes[index] = best;
}

/** How many fields of `wanted` a value has just so. */
function matching(value: object, wanted: object): number {
  const has = value as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).filter(
    ([field, each]) => JSON.stringify(has[field]) === JSON.stringify(each),
  ).length;
}
