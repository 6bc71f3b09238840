import {
  SLOT_CHOICES,
  HEADER_BYTES,
  MAX_OPERATIONS,
  OPCODES,
  KINDS,
  RECORD_BYTES,
  decodeBudget,
  decodeCheckEvery,
  decodeRecord,
  decodeSetting,
  type Setting,
} from "./decode.ts";
import type { Operation, Program } from "./operation.ts";
import { WINDOW_PLACES } from "./window.ts";

/**
 * Programs back to bytes, by inverting the decoder: for each operand, the first byte that decodes
 * to it. So `decode(encode(p))` equals `p` by construction, whatever the tables say. Used to write
 * seed inputs and to turn a shrunk program into an input again; speed does not matter here.
 */

/** Bytes for a program, or null when no byte string decodes to it. */
export function encode(program: Program): Uint8Array | null {
  if (program.operations.length > MAX_OPERATIONS) return null;
  const header = encodeHeader(program);
  if (header === null) return null;
  for (const windows of windowPairs()) {
    header[1] = windows;
    const records = encodeRecords(program, decodeSetting(header));
    if (records !== null) return Uint8Array.from([...header, ...records]);
  }
  return null;
}

function encodeHeader(program: Program): Uint8Array | null {
  const slots = SLOT_CHOICES.findIndex(
    (choice) => JSON.stringify(choice) === JSON.stringify(program.aspaces),
  );
  const budget = firstByte((byte) => decodeBudget(byte) === program.tableFrames);
  const checks = firstByte((byte) => decodeCheckEvery(byte) === program.checkEvery);
  if (slots < 0 || budget < 0 || checks < 0 || program.cpus < 1 || program.cpus > 4) return null;
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = (program.cpus - 1) | (slots << 2);
  header[2] = budget;
  header[3] = checks;
  return header;
}

/** Every choice of two windows, as header byte 1. */
function* windowPairs(): Generator<number> {
  for (let first = 0; first < WINDOW_PLACES.length; first++) {
    for (let second = first; second < WINDOW_PLACES.length; second++) yield first | (second << 4);
  }
}

function encodeRecords(program: Program, setting: Setting): number[] | null {
  const bytes: number[] = [];
  for (const operation of program.operations) {
    const record = encodeRecord(operation, setting);
    if (record === null) return null;
    bytes.push(...record);
  }
  return bytes;
}

/**
 * Finds a record that decodes to `operation`. `who`, `page` and `length` decide together about the
 * range, so they are searched together; the other bytes one after the other.
 */
function encodeRecord(operation: Operation, setting: Setting): Uint8Array | null {
  const record = new Uint8Array(RECORD_BYTES);
  record[0] = OPCODES.indexOf(KINDS.indexOf(operation.kind));
  const decoded = (): Operation => decodeRecord(record, 0, setting);
  const wanted = operation as unknown as Record<string, unknown>;
  const matches = (...fields: string[]): boolean => {
    const seen = decoded() as unknown as Record<string, unknown>;
    return fields.every((field) => seen[field] === wanted[field]);
  };
  const search = (byte: number, ...fields: string[]): boolean => {
    const value = firstByte((candidate) => {
      record[byte] = candidate;
      return matches(...fields);
    });
    return value >= 0;
  };
  for (let who = 0; who < 256; who++) {
    record[1] = who;
    if (!matches("aspace", "cpu", "action", "enlarge", "nonTerminal", "terminal", "check"))
      continue;
    if ("count" in operation ? !searchRange(record, matches) : !search(2, "page")) continue;
    if (!search(4, "flags", "permissions", "access")) continue;
    if (search(5, "pfn", "pattern", "misuse", "nth", "aspace")) return record;
  }
  return null;
}

function searchRange(record: Uint8Array, matches: (...fields: string[]) => boolean): boolean {
  for (let length = 0; length < 256; length++) {
    record[3] = length;
    const page = firstByte((candidate) => {
      record[2] = candidate;
      return matches("page", "count");
    });
    if (page >= 0) return true;
  }
  return false;
}

/** The first byte value that a test accepts, or -1. */
function firstByte(accepts: (byte: number) => boolean): number {
  for (let byte = 0; byte < 256; byte++) if (accepts(byte)) return byte;
  return -1;
}
