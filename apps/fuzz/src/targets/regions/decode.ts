import { RegionOperation } from "@aspace/vm";
import { KIND_GROUPS, KINDS, OPCODES } from "./kind-table.ts";
import {
  ASPACE_SLOTS,
  CPUS,
  MAPPING_SLOTS,
  OBJECT_SLOTS,
  ObjectType,
  REGION_SLOTS,
  Spot,
  THREAD_SLOTS,
  WINDOW,
  type AccessKind,
  type AspaceSpec,
  type Children,
  type Creation,
  type Mode,
  type Operation,
  type OperationKind,
  type Program,
} from "./operation.ts";
import {
  COUNTS,
  KIND_CHOICES,
  OBJECT_PAGES,
  PAGE_CHOICES,
  PLACES,
  SETUPS,
  SIZES,
} from "./setups.ts";

/**
 * Bytes to programs. Every byte string is a program (F-1): an eight-byte header, then six-byte records; a record that
 * is not whole is ignored (F-2).
 *
 * ```
 *   header  world | objects | frames | checks | mask lo | mask hi | pages | seed
 *   record  opcode | slots | page | length | attributes | extra
 *
 *   world       2..0 aspaces   4..3 where they lie   5 fault modes   6 ASLR
 *   slots       3..0 region, mapping, object, aspace, thread or CPU   7..4 where what it makes goes; the object of a new mapping
 *   page        3..0 page, by the header's choice   7..4 page of an object or a mapping
 *   length      3..0 pages, from a table   7..4 slot of a new mapping, or an alignment
 *   attributes  by kind: permissions, rights
 *   extra       3..0 by kind: spot, operation, access   7..4 a mapping to be near, from 3 on
 * ```
 */
export const DECODER_VERSION = 1;
export const HEADER_BYTES = 8;
export const RECORD_BYTES = 6;
/** Longer inputs are cut: they dilute more than they find. */
export const MAX_OPERATIONS = 64;

/** Ranges are near the mapping in slot 0 with this in the record, and of the window below. */
const FIRST_NEAR = 3;

/** Frames that a program has at most, and at least. */
export const MAX_FRAMES = 512;
export const MIN_FRAMES = 48;

const TYPES = Object.values(ObjectType);
const { ANYWHERE, SPECIFIC, OVERWRITE, BELOW, CONTRADICTORY } = Spot;
const SPOTS: readonly Spot[] = [
  SPECIFIC,
  SPECIFIC,
  SPECIFIC,
  SPECIFIC,
  OVERWRITE,
  OVERWRITE,
  ANYWHERE,
  ANYWHERE,
  ANYWHERE,
  ANYWHERE,
  BELOW,
  BELOW,
  BELOW,
  SPECIFIC,
  OVERWRITE,
  CONTRADICTORY,
];
const OPERATIONS = Object.values(RegionOperation);
const MODES: readonly Mode[] = ["user", "user", "user", "user", "user", "copy", "copy", "kernel"];
const ACCESSES: readonly AccessKind[] = [
  "store",
  "load",
  "store",
  "load",
  "store",
  "load",
  "fetch",
  "load",
];
/** Mostly those that real programs use: read 1, write 2, execute 4. */
const PERMISSIONS: readonly number[] = [3, 1, 3, 1, 3, 5, 7, 0];
const RIGHTS: readonly number[] = [7, 7, 7, 3, 1, 5, 0, 7];

/** What the header decides for all records. */
export interface Setting {
  readonly pages: readonly number[];
  /** Kind for each opcode after the swarm mask (F-7): a kind that is off gives way to the next that is on. */
  readonly kinds: readonly OperationKind[];
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

/** Reads the header; bytes that are not there are zero. */
export function decodeSetting(bytes: Uint8Array): Setting {
  const at = (index: number): number => bytes[index] ?? 0;
  return {
    pages: PAGE_CHOICES[at(6) % PAGE_CHOICES.length]!,
    kinds: kindsUnder(at(4) | (at(5) << 8)),
  };
}

/** The world of a program. */
export function decodeWorld(bytes: Uint8Array): Omit<Program, "operations"> {
  const at = (index: number): number => bytes[index] ?? 0;
  const world = at(0);
  const places = PLACES[(world >> 3) & 3]!;
  const aspaces = KIND_CHOICES[world & 7]!.map((kind, slot): AspaceSpec => ({
    kind,
    place: places[slot]!,
  }));
  return {
    aspaces,
    objects: SETUPS[at(1) % SETUPS.length]!,
    placement: (world & 0x40) === 0 ? "first-fit" : "aslr",
    faultModes: (world & 0x20) === 0 ? "upgrade-first" : "legacy-first",
    seed: at(7),
    frames: decodeFrames(at(2)),
    checkEvery: decodeCheckEvery(at(3)),
  };
}

/** Three of four programs have all the memory they want; the others may run out. */
function decodeFrames(byte: number): number {
  return (byte & 3) === 3 ? MIN_FRAMES + (byte >> 2) : MAX_FRAMES;
}

/** Whole-world checks cost more than operations do: the header says how often (F-12). */
function decodeCheckEvery(byte: number): number {
  if (byte === 255) return 1;
  return byte % 16 === 15 ? 8 : MAX_OPERATIONS;
}

const ALL_KINDS_ON: readonly OperationKind[] = Array.from(OPCODES, (kind) => KINDS[kind]!);

/** The kind of each opcode when the groups in `mask` are off; nothing is off when all would be. */
function kindsUnder(mask: number): readonly OperationKind[] {
  const isOff = (kind: number): boolean => ((mask >> KIND_GROUPS[kind]!) & 1) !== 0;
  if (mask === 0 || KINDS.every((_, kind) => isOff(kind))) return ALL_KINDS_ON;
  const successors = KINDS.map((_, kind) => {
    let on = kind;
    while (isOff(on)) on = (on + 1) % KINDS.length;
    return KINDS[on]!;
  });
  return Array.from(OPCODES, (opcode) => successors[opcode]!);
}

/** The fields of a record. */
interface Fields {
  readonly low: number;
  readonly high: number;
  /** Page of the window, and of an object or a mapping. */
  readonly page: number;
  readonly objectPage: number;
  readonly count: number;
  readonly alignShift: number;
  /** Slot of a new mapping. */
  readonly to: number;
  readonly attributes: number;
  readonly extra: number;
  /** The mapping that a range is counted from, or WINDOW, and the page counted so. */
  readonly near: number;
  readonly nearPage: number;
}

/** Decodes the record at `offset`, all of whose bytes are there. */
export function decodeRecord(bytes: Uint8Array, offset: number, setting: Setting): Operation {
  const byte = (index: number): number => bytes[offset + index]!;
  const [slots, page, length] = [byte(1), byte(2), byte(3)];
  const upper = length >> 4;
  const extra = byte(5);
  const near = (extra >> 4) - FIRST_NEAR;
  const windowPage = setting.pages[page & 15]!;
  const objectPage = OBJECT_PAGES[page >> 4]!;
  return decodeKind(setting.kinds[byte(0)]!, {
    low: slots & 15,
    high: slots >> 4,
    page: windowPage,
    objectPage,
    near: Math.min(Math.max(near, WINDOW), MAPPING_SLOTS - 1),
    nearPage: near < 0 ? windowPage : objectPage,
    count: COUNTS[length & 15]!,
    // Most regions want no alignment; the slot of one that does is the first.
    alignShift: upper < MAPPING_SLOTS ? 0 : upper - MAPPING_SLOTS + 1,
    to: upper < MAPPING_SLOTS ? upper : 0,
    attributes: byte(4),
    extra,
  });
}

function decodeKind(kind: OperationKind, fields: Fields): Operation {
  const { low, high, near, nearPage: page, count, attributes, extra } = fields;
  const region = low % REGION_SLOTS;
  const permissions = PERMISSIONS[attributes & 7]!;
  const children: Children = (extra & 1) === 0 ? "yes" : "no";
  switch (kind) {
    case "createRegion":
    case "map":
      return decodePlaced(kind, fields);
    case "destroyRegion":
      return { kind, region };
    case "unmap":
      return { kind, region, near, page, count, children };
    case "unmapPartly":
      return { kind, region, near, page, count };
    case "protect":
      return { kind, region, near, page, count, permissions, children };
    case "operate": {
      const operation = OPERATIONS[attributes % OPERATIONS.length]!;
      return { kind, region, near, page, count, children, operation };
    }
    case "prioritize":
      return { kind, region, level: (extra & 3) === 3 ? "default" : "high" };
    case "mappingProtect":
    case "mappingUnmap":
    case "mapRange":
    case "mappingDecommit":
    case "merge":
    case "mappingDestroy":
    case "attribute":
      return decodeOnMapping(kind, fields);
    case "access": {
      const mode = MODES[attributes & 7]!;
      return { kind, cpu: low % CPUS, mode, access: ACCESSES[extra & 7]!, near, page };
    }
    case "softFault":
      return { kind, aspace: low % ASPACE_SLOTS, near, page, access: ACCESSES[extra & 7]! };
    case "accessedFault":
      return { kind, aspace: low % ASPACE_SLOTS, near, page };
    case "switch":
      return { kind, cpu: low % CPUS, aspace: high % ASPACE_SLOTS };
    case "prefetch":
      return { kind, cpu: low % CPUS, page: fields.page };
    case "harvest": {
      const tables = (extra & 1) === 0 ? "free" : "retain";
      return { kind, tables, pages: (extra & 2) === 0 ? "harvest" : "age" };
    }
    case "dropTables":
    case "recreate":
      return { kind, aspace: low % ASPACE_SLOTS };
    case "failAllocation":
      return { kind, what: (extra & 1) === 0 ? "objects" : "tables", nth: attributes & 3 };
    case "memory":
      return { kind, level: (extra & 1) === 0 ? "low" : "plenty" };
    case "resume":
      return { kind, thread: low % THREAD_SLOTS };
    case "serve":
      return { kind, thread: low % THREAD_SLOTS };
    case "interrupt":
      return { kind, thread: low % THREAD_SLOTS, how: (extra & 1) === 0 ? "kill" : "time-out" };
    default:
      return decodeOnObject(kind, fields);
  }
}

function decodePlaced(kind: "createRegion" | "map", fields: Fields): Operation {
  const { low, high, near, page, count, alignShift, attributes, extra } = fields;
  const spot = SPOTS[extra & 15]!;
  const region = low % REGION_SLOTS;
  const rights = RIGHTS[(attributes >> 3) & 7]!;
  const placed = { region, near, page, count, spot, alignShift, rights };
  if (kind === "map") {
    return {
      kind,
      ...placed,
      to: fields.to,
      object: high % OBJECT_SLOTS,
      objectPage: fields.objectPage,
      permissions: PERMISSIONS[attributes & 7]!,
    };
  }
  // COMPACT 1 and CAN_MAP_SPECIFIC 8, which most regions have.
  const traits = (attributes & 3) === 3 ? 1 : (attributes & 7) === 0 ? 0 : 8 | (attributes & 1);
  return { kind, ...placed, to: high % REGION_SLOTS, traits };
}

function decodeOnMapping(
  kind: Extract<Operation, { readonly mapping: number }>["kind"],
  { low, objectPage, count, attributes }: Fields,
): Operation {
  const mapping = low;
  switch (kind) {
    case "mappingProtect":
      return { kind, mapping, page: objectPage, count, permissions: PERMISSIONS[attributes & 7]! };
    case "mappingUnmap":
    case "mapRange":
    case "mappingDecommit":
      return { kind, mapping, page: objectPage, count };
    default:
      return { kind, mapping };
  }
}

type OnObject = Exclude<Extract<Operation, { readonly object: number }>, { readonly kind: "map" }>;

function decodeOnObject(kind: OnObject["kind"] | "create", fields: Fields): Operation {
  const { low, high, objectPage: page, count, extra } = fields;
  const object = low % OBJECT_SLOTS;
  switch (kind) {
    case "create":
      return { kind, ...decodeCreation(fields), to: low % OBJECT_SLOTS };
    case "drop":
    case "unpin":
    case "detach":
      return { kind, object };
    case "write":
      return { kind, object, page };
    case "resize":
      return { kind, object, pages: SIZES[extra & 7]! };
    case "snapshot":
      return { kind, object, page, count, to: high % OBJECT_SLOTS };
    default:
      return { kind, object, page, count };
  }
}

function decodeCreation({ attributes, extra }: Fields): Creation {
  const type = TYPES[(attributes & 7) % TYPES.length]!;
  return {
    type,
    pages: type === "vdso" ? 4 : SIZES[extra & 7]!,
    sizing: (extra & 8) === 0 ? "resizable" : "fixed",
    cachePolicy: (extra >> 4) & 3,
  };
}
