import {
  ALL_ACCESSES,
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  TerminalAction,
  type MmuFlagSet,
  type Pfn,
} from "@aspace/arch";
import { DEVICE_FIRST, MAX_TABLE_FRAMES, MEMORY_FIRST } from "./frames.ts";
import {
  FramePattern,
  Misuse,
  type Operation,
  type OperationKind,
  type Program,
} from "./operation.ts";
import { WINDOW_PAGES, WINDOW_PLACES, alignPage, windowStart } from "./window.ts";

/**
 * Bytes to programs. Every byte string is a program (F-1): an eight-byte header, then six-byte
 * records; a record that is not whole is ignored (F-2).
 *
 * ```
 *   header  cpus+slots | windows | tables | checks | mask lo | mask hi | spare | spare
 *   record  opcode | who | page | length | attributes | extra
 *
 *   who         7..6 mode  5 align  4 window  3..2 cpu  1..0 aspace slot
 *   page        5..0 page in the window
 *   length      2..0 class  7..3 value
 *   attributes  2..0 user, write, execute   4..3 cache policy   5 cached all the same   7..6 NS when 3
 *   extra       5..0 frame in its block     6 all the same frame  7 device
 * ```
 */
export const DECODER_VERSION = 1;
export const HEADER_BYTES = 8;
export const RECORD_BYTES = 6;
/** Longer inputs are cut: they dilute more than they find. */
export const MAX_OPERATIONS = 128;

/** Share of the 256 opcodes that each kind has. What an opcode means depends on nothing else (F-3). */
export const KIND_WEIGHTS: readonly (readonly [OperationKind, number])[] = [
  ["map", 54],
  ["mapContiguous", 28],
  ["unmap", 34],
  ["protect", 28],
  ["access", 46],
  ["prefetch", 12],
  ["switch", 12],
  ["harvest", 14],
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

/** What the slots hold, by the header's choice. */
export const SLOT_CHOICES: readonly (readonly AspaceKind[])[] = [
  [AspaceKind.USER, AspaceKind.USER, AspaceKind.KERNEL, AspaceKind.GUEST],
  [AspaceKind.USER, AspaceKind.KERNEL, AspaceKind.USER, AspaceKind.USER],
  [AspaceKind.GUEST, AspaceKind.GUEST, AspaceKind.USER, AspaceKind.KERNEL],
  [AspaceKind.USER, AspaceKind.KERNEL],
];

const ACTIONS = [ExistingEntry.ERROR, ExistingEntry.SKIP, ExistingEntry.UPGRADE] as const;
const MISUSES = Object.values(Misuse);
/** Enough for the roots and prebuilt tables of every slot, and little more. */
const SMALLEST_BUDGET = 16;
const LARGE = 2 ** 9;
const HUGE = 2 ** 18;

/** What the header decides for all records. */
export interface Setting {
  readonly aspaces: readonly AspaceKind[];
  readonly cpus: number;
  readonly windows: readonly [number, number];
  /** Kind for each opcode after the swarm mask (F-7): a kind that is off gives way to the next that is on. */
  readonly kinds: readonly OperationKind[];
}

/** Reads the header; bytes that are not there are zero. */
export function decodeSetting(bytes: Uint8Array): Setting {
  const at = (index: number): number => bytes[index] ?? 0;
  return {
    aspaces: SLOT_CHOICES[(at(0) >> 2) & 3]!,
    cpus: 1 + (at(0) & 3),
    windows: [(at(1) & 15) % WINDOW_PLACES.length, (at(1) >> 4) % WINDOW_PLACES.length],
    kinds: kindsUnder(at(4) | (at(5) << 8)),
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
  return (byte & 1) === 0 ? MAX_TABLE_FRAMES : SMALLEST_BUDGET + (byte >> 1);
}

/** Whole-world checks cost more than operations do: the header says how often (F-12). */
export function decodeCheckEvery(byte: number): number {
  if (byte === 255) return 1;
  return byte % 16 === 15 ? 16 : MAX_OPERATIONS;
}

/** The kind of each opcode when the kinds in `mask` are off; nothing is off when all would be. */
function kindsUnder(mask: number): readonly OperationKind[] {
  const isOff = (kind: number): boolean => ((mask >> kind) & 1) !== 0;
  const on = KINDS.filter((_, kind) => !isOff(kind));
  if (on.length === 0) return Array.from(OPCODES, (kind) => KINDS[kind]!);
  return Array.from(OPCODES, (opcode) => {
    let kind = opcode;
    while (isOff(kind)) kind = (kind + 1) % KINDS.length;
    return KINDS[kind]!;
  });
}

export function decodeRecord(bytes: Uint8Array, offset: number, setting: Setting): Operation {
  const [opcode, who, page, length, attributes, extra] = bytes.subarray(
    offset,
    offset + RECORD_BYTES,
  ) as unknown as [number, number, number, number, number, number];
  const kind = setting.kinds[opcode]!;
  const aspace = (who & 3) % setting.aspaces.length;
  const cpu = ((who >> 2) & 3) % setting.cpus;
  const mode = who >> 6;
  const range = decodeRange(setting, aspace, who, page, length);
  const flags = decodeFlags(attributes);
  const enlarge = (mode & 1) === 0 ? Enlarge.YES : Enlarge.NO;
  const spot = { cpu, aspace, page: range.page, access: ALL_ACCESSES[attributes % 9]! };
  switch (kind) {
    case "map":
      return {
        kind,
        ...range,
        count: Math.min(range.count, 2 * WINDOW_PAGES),
        pfn: decodeFrame(extra, 1),
        pattern: (extra & 0x40) === 0 ? FramePattern.CONSECUTIVE : FramePattern.SAME,
        flags,
        action: ACTIONS[mode % 3]!,
      };
    case "mapContiguous":
      return { kind, ...range, pfn: decodeFrame(extra, alignmentOf(who, length)), flags };
    case "unmap":
      return { kind, ...range, enlarge };
    case "protect":
      return { kind, ...range, permissions: flags & ~(MmuFlags.CACHE_MASK | MmuFlags.NS), enlarge };
    case "harvest":
      return {
        kind,
        ...range,
        nonTerminal:
          (mode & 1) === 0 ? NonTerminalAction.RETAIN : NonTerminalAction.FREE_UNACCESSED,
        terminal:
          (mode & 2) === 0 ? TerminalAction.UPDATE_AGE_AND_HARVEST : TerminalAction.UPDATE_AGE,
      };
    case "markAccessed":
      return { kind, ...range };
    case "misuse":
      return { kind, ...range, misuse: MISUSES[extra % MISUSES.length]! };
    case "access":
    case "interlude":
      return { kind, ...spot };
    case "prefetch":
      return { kind, cpu, aspace, page: range.page };
    case "switch":
      return { kind, cpu, aspace: (extra & 7) === 0 ? -1 : aspace };
    case "failAllocation":
      return { kind, nth: extra & 7 };
    case "recreate":
      return { kind, aspace };
    case "accessedSinceLastCheck":
      return {
        kind,
        aspace,
        check: (mode & 1) === 0 ? AccessedCheck.CLEAR : AccessedCheck.PEEK,
      };
  }
}

/** Pages by length class: the edges are what matters (F-5). */
function decodeCount(pageInWindow: number, length: number): number {
  const value = length >> 3;
  switch (length & 7) {
    case 0:
    case 1:
      return 1;
    case 2:
      return 2;
    case 3:
      return 1 + value;
    case 4:
      return WINDOW_PAGES - pageInWindow;
    case 5:
      return LARGE;
    case 6:
      return LARGE * (1 + (value & 3)) + ((value >> 2) & 3) - 1;
    default:
      return (value & 1) === 0 ? HUGE : HUGE + LARGE;
  }
}

/** What a record's address and frame are aligned to: 1 page unless its align bit is set. */
function alignmentOf(who: number, length: number): number {
  if ((who & 0x20) === 0) return 1;
  return (length & 7) === 7 ? HUGE : LARGE;
}

function decodeRange(
  setting: Setting,
  aspace: number,
  who: number,
  page: number,
  length: number,
): { aspace: number; page: number; count: number } {
  const kind = setting.aspaces[aspace]!;
  const place = setting.windows[(who >> 4) & 1]!;
  const inWindow = page & (WINDOW_PAGES - 1);
  const address = windowStart(kind, place) + inWindow;
  return {
    aspace,
    page: alignPage(kind, address, alignmentOf(who, length)),
    count: decodeCount(inWindow, length),
  };
}

function decodeFlags(attributes: number): MmuFlagSet {
  const cache = (attributes & 0x20) === 0 ? MmuFlags.CACHED : (attributes >> 3) & 3;
  const nonSecure = attributes >> 6 === 3 ? MmuFlags.NS : 0;
  return MmuFlags.READ | ((attributes & 1) << 2) | ((attributes & 6) << 3) | cache | nonSecure;
}

/** A frame of memory, or of a device, aligned like the address it is for. */
function decodeFrame(extra: number, alignment: number): Pfn {
  const device = (extra & 0x80) !== 0 || alignment === HUGE;
  const inBlock = extra & 63;
  const base = device ? DEVICE_FIRST : MEMORY_FIRST;
  if (alignment === 1) return base + inBlock;
  if (!device) return base + (inBlock === 63 ? 1 : 0);
  return base + alignment * (inBlock & 3) + (inBlock === 63 ? 1 : 0);
}
