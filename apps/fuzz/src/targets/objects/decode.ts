import { kindsUnder } from "../swarm-kinds.ts";
import { Status } from "@aspace/arch";
import { Clone } from "./model/children.ts";
import { LockCall } from "./model/discarding.ts";
import { HintKind } from "./model/hint.ts";
import { Stored } from "./model/pager-calls.ts";
import { MAX_FRAMES, MIN_FRAMES } from "./bare-machine.ts";
import { KIND_GROUPS, KINDS, OPCODES } from "./kind-table.ts";
import { decodeBytes, decodePages, type Extent } from "./operands.ts";
import {
  Access,
  ACTOR_SLOTS,
  Answer,
  Interruption,
  LIST_SLOTS,
  Mappings,
  Misuse,
  OBJECT_SLOTS,
  ObjectType,
  PAGERS,
  Patience,
  Sizing,
  SupplyPattern,
  type Creation,
  type Operation,
  type OperationKind,
  type Program,
} from "./operation.ts";
import { PAGE_CHOICES, SETUPS, SIZES } from "./setups.ts";

/**
 * Bytes to programs. Every byte string is a program (F-1): a six-byte header, then five-byte records; a record that
 * is not whole is ignored (F-2).
 *
 * ```
 *   header  setup | pages | frames | checks | mask lo | mask hi
 *   record  opcode | slots | page | length | attributes
 *
 *   setup       7 anonymous pages are reclaimed   6 all is mapped   5..0 the first objects
 *   slots       3..0 the object, pin, list or actor it is about    7..4 where what it makes goes
 *   page        3..0 page, by the header's choice of pages         7..4 where in that page (bytes only)
 *   length      1..0 class   5..2 value                            7..6 where in the last page (bytes only)
 *   attributes  by kind
 * ```
 */
export const DECODER_VERSION = 2;
export const HEADER_BYTES = 6;
export const RECORD_BYTES = 5;
/** Longer inputs are cut: they dilute more than they find. */
export const MAX_OPERATIONS = 64;

const CLONES = Object.values(Clone);
const TYPES = Object.values(ObjectType);
const PATTERNS = Object.values(SupplyPattern);
const ANSWERS = [Answer.SUPPLY, Answer.SUPPLY, Answer.DIRTY, ...Object.values(Answer)];
const LOCK_CALLS = Object.values(LockCall);
const MISUSES = Object.values(Misuse);
/** The last is none that a pager may give. */
const FAILURES: readonly Status[] = [
  Status.IO,
  Status.IO_DATA_INTEGRITY,
  Status.BAD_STATE,
  Status.NO_SPACE,
  Status.BUFFER_TOO_SMALL,
  Status.NO_MEMORY,
];

/** What the header decides for all records. */
export interface Setting {
  /** For the four bits of a record: which page they stand for. */
  readonly pages: readonly number[];
  /** Kind for each opcode after the swarm mask (F-7): a kind that is off gives way to the next that is on. */
  readonly kinds: readonly OperationKind[];
}

/** Reads the header; bytes that are not there are zero. */
export function decodeSetting(bytes: Uint8Array): Setting {
  const at = (index: number): number => bytes[index] ?? 0;
  const mask = at(4) | (at(5) << 8);
  return {
    pages: PAGE_CHOICES[at(1) % PAGE_CHOICES.length]!,
    kinds: kindsUnder(KINDS, OPCODES, (kind) => ((mask >> KIND_GROUPS[kind]!) & 1) !== 0),
  };
}

/** Decodes any byte string. */
export function decode(bytes: Uint8Array): Program {
  const setting = decodeSetting(bytes);
  const records = Math.floor(Math.max(0, bytes.length - HEADER_BYTES) / RECORD_BYTES);
  const operations: Operation[] = [];
  for (let i = 0; i < Math.min(records, MAX_OPERATIONS); i++) {
    operations.push(decodeRecord(bytes, HEADER_BYTES + i * RECORD_BYTES, setting));
  }
  return { ...decodeWorld(bytes), operations };
}

/** The world of a program. */
export function decodeWorld(bytes: Uint8Array): Omit<Program, "operations"> {
  const first = bytes[0] ?? 0;
  return {
    frames: decodeFrames(bytes[2] ?? 0),
    anonymousReclaim: (first & 0x80) === 0 ? "off" : "on",
    mappings: (first & 0x40) === 0 ? Mappings.ON_REQUEST : Mappings.ALWAYS,
    objects: SETUPS[(first & 0x3f) % SETUPS.length]!,
    checkEvery: decodeCheckEvery(bytes[3] ?? 0),
  };
}

/** Three of four programs have all the memory they want; the others may run out. */
export function decodeFrames(byte: number): number {
  return (byte & 3) !== 3 ? MAX_FRAMES : MIN_FRAMES + (byte >> 2);
}

/** Whole-world checks cost more than operations do: the header says how often (F-12). */
export function decodeCheckEvery(byte: number): number {
  if (byte === 255) return 1;
  return byte % 16 === 15 ? 8 : MAX_OPERATIONS;
}

/** The fields of a record. */
interface RecordBytes {
  readonly low: number;
  readonly high: number;
  readonly page: number;
  readonly length: number;
  readonly attributes: number;
}

/** Decodes the record at `offset`, all of whose bytes are there. */
export function decodeRecord(bytes: Uint8Array, offset: number, setting: Setting): Operation {
  const byte = (index: number): number => bytes[offset + index]!;
  const slots = byte(1);
  const fields = {
    low: slots & 15,
    high: slots >> 4,
    page: byte(2),
    length: byte(3),
    attributes: byte(4),
  };
  return decodeKind(setting.kinds[byte(0)]!, fields, setting);
}

function decodeKind(kind: OperationKind, fields: RecordBytes, { pages }: Setting): Operation {
  const { low, high, attributes } = fields;
  const object = low % OBJECT_SLOTS;
  const extent = decodePages(pages, fields.page, fields.length);
  switch (kind) {
    case "create":
      return { kind, to: high % OBJECT_SLOTS, ...decodeCreation(fields) };
    case "read":
    case "write":
    case "commit":
    case "decommit":
    case "zero":
      return { kind, object, ...decodeBytes(pages, fields.page, fields.length) };
    case "hint": {
      const hint = (attributes & 1) === 0 ? HintKind.ALWAYS_NEED : HintKind.DONT_NEED;
      return { kind, object, ...decodeBytes(pages, fields.page, fields.length), hint };
    }
    case "unpin":
      return { kind, pin: low };
    case "resume":
      return { kind, actor: low % ACTOR_SLOTS };
    case "interrupt": {
      const how = (attributes & 1) === 0 ? Interruption.TIME_OUT : Interruption.KILL;
      return { kind, actor: low % ACTOR_SLOTS, how };
    }
    case "serve":
      return {
        kind,
        pager: low % PAGERS,
        answer: ANSWERS[attributes % ANSWERS.length]!,
        count: fields.length & 3,
      };
    case "closePager":
      return { kind, pager: low % PAGERS };
    case "finishCompression":
      return { kind, result: (attributes & 3) === 3 ? "does-not-fit" : "fits" };
    case "scan":
      return { kind, pages: fields.length & 7, minAge: (attributes & 3) === 3 ? 1 : 0 };
    case "memory":
      return { kind, level: (attributes & 1) === 0 ? "low" : "plenty" };
    case "failAllocation":
    case "delayAllocation":
      return { kind, nth: attributes & 7 };
    default:
      return decodeOnObject(kind, object, extent, fields);
  }
}

type Other = Exclude<
  OperationKind,
  | "create"
  | "read"
  | "write"
  | "commit"
  | "decommit"
  | "zero"
  | "hint"
  | "unpin"
  | "resume"
  | "interrupt"
  | "serve"
  | "closePager"
  | "finishCompression"
  | "scan"
  | "memory"
  | "failAllocation"
  | "delayAllocation"
>;

function decodeOnObject(
  kind: Other,
  object: number,
  { page, count }: Extent,
  { high, length, attributes }: RecordBytes,
): Operation {
  const to = high % OBJECT_SLOTS;
  const range = { object, page, count };
  const sizing = (attributes & 4) === 0 ? Sizing.RESIZABLE : Sizing.FIXED;
  const access = (attributes & 1) === 0 ? Access.WRITE : Access.READ;
  switch (kind) {
    case "clone":
      return { kind, ...range, to, clone: CLONES[(attributes & 3) % CLONES.length]!, sizing };
    case "slice":
      return { kind, ...range, to };
    case "reference":
      return { kind, object, to, sizing };
    case "resize":
      return { kind, object, pages: SIZES[length & 15]! };
    case "setSize":
      return { kind, object, bytes: decodeBytes([0], 0, (length & 0xfc) | 3).length };
    case "pin":
      return { kind, ...range, access, to: high };
    case "take":
      return { kind, ...range, to: high % LIST_SLOTS };
    case "supply":
      return { kind, ...range, pattern: PATTERNS[attributes % PATTERNS.length]! };
    case "supplyList":
      return { kind, object, page, list: high % LIST_SLOTS };
    case "fail":
      return { kind, ...range, failure: FAILURES[attributes % FAILURES.length]! };
    case "writebackBegin":
      return { kind, ...range, stored: (attributes & 3) === 3 ? Stored.ZEROES : Stored.PAGES };
    case "lock":
      return { kind, object, call: LOCK_CALLS[attributes % LOCK_CALLS.length]! };
    case "setCachePolicy":
      return { kind, object, policy: attributes & 7 };
    case "evict":
      return { kind, object, page, hints: (attributes & 3) === 3 ? "ignore" : "follow" };
    case "beginCompression":
    case "dedup":
      return { kind, object, page };
    case "fault":
      return { kind, ...range, access };
    case "prioritize":
      return { kind, object, level: (attributes & 3) === 3 ? "normal" : "high" };
    case "misuse":
      return { kind, object, misuse: MISUSES[attributes % MISUSES.length]! };
    case "lookup":
    case "lookupContiguous":
    case "dirty":
    case "enumerateDirty":
    case "writebackEnd":
    case "commitHighPriority":
      return { kind, ...range };
    default:
      return { kind, object };
  }
}

function decodeCreation({ page, attributes }: RecordBytes): Creation {
  return {
    type: TYPES[(attributes & 7) % TYPES.length]!,
    pages: SIZES[page & 15]!,
    sizing: (attributes & 8) === 0 ? Sizing.RESIZABLE : Sizing.FIXED,
    patience: (attributes & 16) === 0 ? Patience.WAITS : Patience.NEVER_WAITS,
    pager: (attributes >> 5) % PAGERS,
  };
}
