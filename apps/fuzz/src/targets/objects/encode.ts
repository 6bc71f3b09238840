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
 * Programs back to bytes, by inverting the decoder: for each byte, the first value that decodes to what is wanted. So
 * `decode(encode(p))` equals `p` by construction, whatever the tables say (F-10). Used to write seed inputs and to
 * turn a shrunk program into an input again; speed does not matter here.
 */

/** Bytes for a program, or null when no byte string decodes to it. */
export function encode(program: Program): Uint8Array | null {
  if (program.operations.length > MAX_OPERATIONS) return null;
  const header = encodeHeader(program);
  if (header === null) return null;
  for (let pages = 0; pages < PAGE_CHOICES.length; pages++) {
    header[1] = pages;
    const setting = decodeSetting(header);
    const records = program.operations.map((operation) => encodeRecord(operation, setting));
    if (records.every((record) => record !== null)) {
      return Uint8Array.from([...header, ...records.flatMap((record) => [...record])]);
    }
  }
  return null;
}

function encodeHeader(program: Program): Uint8Array | null {
  const header = new Uint8Array(HEADER_BYTES);
  const world = program as unknown as Record<string, unknown>;
  const matches = (...fields: string[]): boolean => {
    const seen = decodeWorld(header) as unknown as Record<string, unknown>;
    return fields.every((field) => JSON.stringify(seen[field]) === JSON.stringify(world[field]));
  };
  const isFound =
    search(header, 0, () => matches("anonymousReclaim", "mappings", "objects")) &&
    search(header, 2, () => matches("frames")) &&
    search(header, 3, () => matches("checkEvery"));
  return isFound ? header : null;
}

/** Fields by the byte of a record that decides them; the slots come first, the attributes decide what is left. */
const SLOTS = ["object", "to", "pin", "list", "actor"];
const PAGE = ["page", "offset"];
const LENGTH = ["count", "length", "pages", "bytes"];

function encodeRecord(operation: Operation, setting: Setting): Uint8Array | null {
  const record = new Uint8Array(RECORD_BYTES);
  const wanted = operation as unknown as Record<string, unknown>;
  record[0] = OPCODES.indexOf(KINDS.indexOf(operation.kind));
  const matches = (fields: readonly string[]): boolean => {
    const seen = decodeRecord(record, 0, setting) as unknown as Record<string, unknown>;
    return fields.every((field) => seen[field] === wanted[field]);
  };
  // What creation makes has its size in the page's byte.
  const pageFields = operation.kind === "create" ? [...PAGE, "pages"] : PAGE;
  const lengthFields = operation.kind === "create" ? [] : LENGTH;
  // A pager is named like an object, but by what is created among the attributes.
  const slotFields = operation.kind === "create" ? SLOTS : [...SLOTS, "pager"];
  const isFound =
    search(record, 1, () => matches(slotFields)) &&
    search(record, 2, () => matches(pageFields)) &&
    search(record, 3, () => matches(lengthFields)) &&
    search(record, 4, () => matches(Object.keys(wanted)));
  return isFound ? record : null;
}

/** Puts the first value into a byte that a test accepts. */
function search(bytes: Uint8Array, index: number, accepts: () => boolean): boolean {
  for (let value = 0; value < 256; value++) {
    bytes[index] = value;
    if (accepts()) return true;
  }
  return false;
}
