import { kindsUnder } from "../swarm-kinds.ts";
import {
  ALL_ACCESSES,
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  NonTerminalAction,
  TerminalAction,
} from "@aspace/arch";
import { MAX_TABLE_FRAMES, MIN_TABLE_FRAMES } from "./frames.ts";
import {
  decodeContiguous,
  decodeFlags,
  decodeFrame,
  decodePermissions,
  decodeRange,
  type PageRange,
} from "./operands.ts";
import {
  FramePattern,
  Misuse,
  type Operation,
  type OperationKind,
  type Program,
} from "./operation.ts";
import { PAGE_CHOICES, WINDOW_PAGES, WINDOW_PLACES } from "./window.ts";

/**
 * Bytes to programs. Every byte string is a program (F-1): an eight-byte header, then six-byte
 * records; a record that is not whole is ignored (F-2).
 *
 * ```
 *   header  slots+cpus | windows | tables | checks | mask lo | mask hi | pages | spare
 *   record  opcode | who | page | length | attributes | extra
 *
 *   who         7..6 mode   5 align   4 window   3..2 cpu   1..0 aspace slot
 *   page        7..6 where: 0, 1 in the window, 2 the anchor again, 3 inside the anchor   5..0 page there
 *   length      2..0 class   7..3 value
 *   attributes  2..0 user, write, execute   4..3 cache policy   5 cached all the same   7..6 NS when 3
 *   extra       5..0 frame in its block   6 all the same frame   7 device
 * ```
 *
 * The *anchor* is the range that the program is at work on (F-5): that of the last operation on a range
 * that went beyond the anchor before it.
 */
export const DECODER_VERSION = 3;
export const HEADER_BYTES = 8;
export const RECORD_BYTES = 6;
/** Longer inputs are cut: they dilute more than they find. */
export const MAX_OPERATIONS = 64;

/** Share of the 256 opcodes that each kind has. What an opcode means depends on nothing else (F-3). */
export const KIND_WEIGHTS: readonly (readonly [OperationKind, number])[] = [
  ["map", 48],
  ["mapContiguous", 26],
  ["unmap", 32],
  ["protect", 24],
  ["access", 52],
  ["prefetch", 10],
  ["switch", 10],
  ["harvest", 26],
  ["markAccessed", 4],
  ["failAllocation", 8],
  ["misuse", 4],
  ["recreate", 3],
  ["accessedSinceLastCheck", 3],
  ["interlude", 6],
];

export const KINDS: readonly OperationKind[] = KIND_WEIGHTS.map(([kind]) => kind);

/** For each opcode, the index of its kind. */
export const OPCODES: Uint8Array = Uint8Array.from(
  KIND_WEIGHTS.flatMap(([, weight], kind) => Array.from({ length: weight }, () => kind)),
);

const { USER, KERNEL, GUEST } = AspaceKind;

/** What the slots hold, by the header's choice: few aspaces, where operations meet, or all kinds. */
export const SLOT_CHOICES: readonly (readonly AspaceKind[])[] = [
  [USER],
  [USER, KERNEL],
  [GUEST],
  [USER, USER, KERNEL],
  [USER, USER],
  [USER, USER, KERNEL, GUEST],
  [GUEST, USER],
  [GUEST, GUEST, USER, KERNEL],
];

const ACTIONS = [ExistingEntry.ERROR, ExistingEntry.SKIP, ExistingEntry.UPGRADE] as const;
const MISUSES = Object.values(Misuse);

/** What the header decides for all records. */
export interface Setting {
  readonly aspaces: readonly AspaceKind[];
  readonly cpus: number;
  readonly windows: readonly [number, number];
  /** For the six bits of a record: which page of the window they stand for. */
  readonly pages: Uint8Array;
  /** Kind for each opcode after the swarm mask (F-7): a kind that is off gives way to the next that is on. */
  readonly kinds: readonly OperationKind[];
}

/** Reads the header; bytes that are not there are zero. */
export function decodeSetting(bytes: Uint8Array): Setting {
  const at = (index: number): number => bytes[index] ?? 0;
  const mask = at(4) | (at(5) << 8);
  return {
    aspaces: SLOT_CHOICES[(at(0) >> 2) & 7]!,
    cpus: 1 + (at(0) & 3),
    windows: [(at(1) & 15) % WINDOW_PLACES.length, (at(1) >> 4) % WINDOW_PLACES.length],
    pages: PAGE_CHOICES[at(6) % PAGE_CHOICES.length]!,
    kinds: kindsUnder(KINDS, OPCODES, (kind) => ((mask >> kind) & 1) !== 0),
  };
}

/** Decodes any byte string. */
export function decode(bytes: Uint8Array): Program {
  const setting = decodeSetting(bytes);
  const records = Math.floor(Math.max(0, bytes.length - HEADER_BYTES) / RECORD_BYTES);
  const operations: Operation[] = [];
  let anchor: PageRange | null = null;
  for (let i = 0; i < Math.min(records, MAX_OPERATIONS); i++) {
    const operation = decodeRecord(bytes, HEADER_BYTES + i * RECORD_BYTES, setting, anchor);
    operations.push(operation);
    anchor = anchorAfter(operation, anchor);
  }
  return {
    cpus: setting.cpus,
    tableFrames: decodeBudget(bytes[2] ?? 0),
    aspaces: setting.aspaces,
    checkEvery: decodeCheckEvery(bytes[3] ?? 0),
    operations,
  };
}

/** Half of all programs have all the memory they want; the others may run out. */
export function decodeBudget(byte: number): number {
  return (byte & 1) === 0 ? MAX_TABLE_FRAMES : MIN_TABLE_FRAMES + (byte >> 1);
}

/** Whole-world checks cost more than operations do: the header says how often (F-12). */
export function decodeCheckEvery(byte: number): number {
  if (byte === 255) return 1;
  return byte % 16 === 15 ? 16 : MAX_OPERATIONS;
}

/** The anchor for the record after `operation`. Depends on nothing but operations, so that they can be encoded. */
export function anchorAfter(operation: Operation, anchor: PageRange | null): PageRange | null {
  if (!("count" in operation) || operation.kind === "misuse") return anchor;
  const { aspace, page, count } = operation;
  const isInside =
    anchor !== null &&
    aspace === anchor.aspace &&
    page >= anchor.page &&
    page + count <= anchor.page + anchor.count;
  return isInside ? anchor : { aspace, page, count };
}

/** Decodes the record at `offset`, all of whose bytes are there. */
export function decodeRecord(
  bytes: Uint8Array,
  offset: number,
  setting: Setting,
  anchor: PageRange | null,
): Operation {
  const byte = (index: number): number => bytes[offset + index]!;
  const [who, attributes, extra] = [byte(1), byte(4), byte(5)];
  const kind = setting.kinds[byte(0)]!;
  const range = decodeRange(setting, anchor, who, byte(2), byte(3));
  const cpu = ((who >> 2) & 3) % setting.cpus;
  const mode = who >> 6;
  const enlarge = (mode & 1) === 0 ? Enlarge.YES : Enlarge.NO;
  const { aspace, page } = range;
  switch (kind) {
    case "map":
      return decodeMap(range, mode, attributes, extra);
    case "mapContiguous":
      return {
        kind,
        ...decodeContiguous(setting, range, who, byte(3), extra),
        flags: decodeFlags(attributes),
      };
    case "unmap":
      return { kind, ...range, enlarge };
    case "protect":
      return { kind, ...range, permissions: decodePermissions(attributes), enlarge };
    case "harvest":
      return decodeHarvest(range, mode);
    case "markAccessed":
      return { kind, ...range };
    case "misuse":
      return { kind, ...range, misuse: MISUSES[extra % MISUSES.length]! };
    case "access":
    case "interlude":
      return { kind, cpu, aspace, page, access: ALL_ACCESSES[attributes % 9]! };
    case "prefetch":
      return { kind, cpu, aspace, page };
    case "switch":
      return { kind, cpu, aspace: (extra & 7) === 0 ? -1 : aspace };
    case "failAllocation":
      return { kind, nth: extra & 7 };
    case "recreate":
      return { kind, aspace };
    case "accessedSinceLastCheck":
      return { kind, aspace, check: (mode & 1) === 0 ? AccessedCheck.CLEAR : AccessedCheck.PEEK };
  }
}

function decodeMap(range: PageRange, mode: number, attributes: number, extra: number): Operation {
  return {
    kind: "map",
    ...range,
    count: Math.min(range.count, 2 * WINDOW_PAGES),
    pfn: decodeFrame(extra),
    pattern: (extra & 0x40) === 0 ? FramePattern.CONSECUTIVE : FramePattern.SAME,
    flags: decodeFlags(attributes),
    action: ACTIONS[mode % 3]!,
  };
}

function decodeHarvest(range: PageRange, mode: number): Operation {
  return {
    kind: "harvest",
    ...range,
    nonTerminal: (mode & 1) === 0 ? NonTerminalAction.RETAIN : NonTerminalAction.FREE_UNACCESSED,
    terminal: (mode & 2) === 0 ? TerminalAction.UPDATE_AGE_AND_HARVEST : TerminalAction.UPDATE_AGE,
  };
}
