import {
  HEADER_BYTES,
  KINDS,
  MAX_OPERATIONS,
  OPCODES,
  RECORD_BYTES,
  SLOT_CHOICES,
  anchorAfter,
  decodeBudget,
  decodeCheckEvery,
  decodeRecord,
  decodeSetting,
  type Setting,
} from "./decode.ts";
import type { PageRange } from "./operands.ts";
import type { Operation, Program } from "./operation.ts";
import { WINDOW_PLACES } from "./window.ts";

/**
 * Programs back to bytes, by inverting the decoder: for each operand, the first byte that decodes
 * to it. So `decode(encode(p))` equals `p` by construction, whatever the tables say (F-10). Used to
 * write seed inputs and to turn a shrunk program into an input again; speed does not matter here.
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
  // Page choice 0 leaves out no page, swarm mask 0 no kind.
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
  let anchor: PageRange | null = null;
  for (const operation of program.operations) {
    const record = encodeRecord(operation, setting, anchor);
    if (record === null) return null;
    bytes.push(...record);
    anchor = anchorAfter(operation, anchor);
  }
  return bytes;
}

/** Length bytes of each class that can matter: all values of class 3, eight of class 6, two of class 7. */
const LENGTHS: readonly number[] = Array.from({ length: 256 }, (_, length) => length).filter(
  (length) => {
    const limit = [1, 0, 1, 32, 1, 1, 8, 2][length & 7]!;
    return length >> 3 < limit;
  },
);

/** Where the length does not count, it still says whether the page is aligned to 1 GiB. */
const ALIGNMENTS: readonly number[] = [0, 7];

/** `who` bytes by what their upper four bits say; the lower four are CPU and slot. */
const PLACES = [0x00, 0x10, 0x20, 0x30] as const;

/** Finds a record that decodes to `operation`: pages first, then mode, then the rest. */
function encodeRecord(
  operation: Operation,
  setting: Setting,
  anchor: PageRange | null,
): Uint8Array | null {
  const record = new Uint8Array(RECORD_BYTES);
  record[0] = OPCODES.indexOf(KINDS.indexOf(operation.kind));
  const cpu = "cpu" in operation ? operation.cpu : 0;
  const slot = "aspace" in operation ? Math.max(operation.aspace, 0) : 0;
  const matches = (...fields: string[]): boolean => {
    const seen = decodeRecord(record, 0, setting, anchor) as unknown as Record<string, unknown>;
    const wanted = operation as unknown as Record<string, unknown>;
    return fields.every((field) => seen[field] === wanted[field]);
  };
  const search = (byte: number, ...fields: string[]): boolean =>
    firstByte((candidate) => {
      record[byte] = candidate;
      return matches(...fields);
    }) >= 0;
  const needsRange = "count" in operation;
  const needsPage = "page" in operation;
  for (const place of PLACES) {
    for (const length of needsRange ? LENGTHS : ALIGNMENTS) {
      record[1] = place | (cpu << 2) | slot;
      record[3] = length;
      record[5] = 0;
      if (needsPage && !search(2, "aspace", "page", ...(needsRange ? ["count"] : []))) continue;
      if (!searchMode(record, matches)) continue;
      if (!search(4, "flags", "permissions", "access")) continue;
      if (search(5, "aspace", "pfn", "pattern", "misuse", "nth")) return record;
    }
  }
  return null;
}

/** Tries the four modes of a record. */
function searchMode(record: Uint8Array, matches: (...fields: string[]) => boolean): boolean {
  const who = record[1]!;
  for (let mode = 0; mode < 4; mode++) {
    record[1] = who | (mode << 6);
    if (matches("action", "enlarge", "nonTerminal", "terminal", "check")) return true;
  }
  return false;
}

/** The first byte value that a test accepts, or -1. */
function firstByte(accepts: (byte: number) => boolean): number {
  for (let byte = 0; byte < 256; byte++) if (accepts(byte)) return byte;
  return -1;
}
