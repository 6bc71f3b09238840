import type { BitField, EntryLayout } from "@aspace/arch";

/**
 * VMSAv8-64 descriptors for the 4 KiB granule with 48-bit output addresses, as tables of bits.
 * Arm ARM (DDI 0487), D8.3 "Translation table descriptor formats".
 *
 * Levels carry the manual's numbers here: level 0 is the root of a 48-bit range, level 3 holds the
 * 4 KiB pages. (The engine counts the other way round; `format.ts` translates.)
 *
 * ```
 *  63  62 61  60   59  58   55 54  53  52   51  50 49 48 47          12 11 10  9 8  7 6  5  4   2 1 0
 * ┌──┬─────┬───┬─────┬───────┬───┬───┬────┬───┬──┬─────┬──────────────┬──┬──┬────┬────┬──┬──────┬────┐
 * │  │  ignored for  │  for  │UXN│PXN│Cont│DBM│GP│  0  │    output    │nG│AF│ SH │ AP │NS│ Attr │ 11 │ page
 * │  │   leaves      │ soft- │   │   │    │   │  │     │   address    │  │  │    │    │  │ Indx │    │
 * ├──┼─────┬───┬─────┤ ware  ├───┴───┴────┴───┴──┼─────┼──────────────┼──┴──┴────┴────┴──┴──────┼────┤
 * │NS│ AP  │UXN│ PXN │ 55 =  │      ignored      │  0  │  next table  │         ignored         │ 11 │ table
 * │T │Table│ T │  T  │ used  │                   │     │              │                         │    │
 * └──┴─────┴───┴─────┴───────┴───────────────────┴─────┴──────────────┴─────────────────────────┴────┘
 * ```
 *
 * Fields marked `reserved` are RES0: the hardware ignores them today, software must write zero.
 */

const field = (name: string, bit: number, width: number, meaning: string): BitField => ({
  name,
  bit,
  width,
  meaning,
});

const reserved = (bit: number, width: number): BitField => ({
  name: `RES0@${String(bit)}`,
  bit,
  width,
  meaning: "must be zero",
  reserved: true,
});

const MANUAL = "Arm ARM DDI 0487, D8.3";

const TYPE: readonly BitField[] = [
  field("Valid", 0, 1, "the descriptor means something"),
  field("Type", 1, 1, "1: table at levels 0 to 2, page at level 3; 0: block"),
];

/** Bits 63:55 of stage 1 and stage 2 leaves. */
const LEAF_TOP: readonly BitField[] = [
  field("Software", 55, 4, "ignored by hardware"),
  field("PBHA", 59, 4, "page-based hardware attributes, when TCR enables them"),
  field("Ignored@63", 63, 1, "ignored"),
];

/** Bit 12 up to bit 49 of a leaf that maps `2 ** shift` bytes. */
function addressFields(shift: number): readonly BitField[] {
  const address = field("OA", shift, 48 - shift, "output address");
  return shift === 12
    ? [address, reserved(48, 2)]
    : [reserved(12, shift - 12), address, reserved(48, 2)];
}

function stage1Leaf(name: string, shift: number): EntryLayout {
  return {
    name,
    source: `${MANUAL}.1 and D8.4, stage 1 block and page descriptors`,
    fields: [
      ...TYPE,
      field("AttrIndx", 2, 3, "memory type: which byte of MAIR_EL1"),
      field("NS", 5, 1, "non-secure output address"),
      field("AP", 6, 2, "AP[2:1]: bit 1 read-only, bit 0 EL0 may access"),
      field("SH", 8, 2, "shareability: 0 none, 2 outer, 3 inner"),
      field("AF", 10, 1, "access flag: the page was used"),
      field("nG", 11, 1, "not global: valid for one ASID only"),
      ...addressFields(shift),
      field("GP", 50, 1, "guarded page: branch targets are checked"),
      field("DBM", 51, 1, "hardware may clear AP[2] on a write"),
      field("Contiguous", 52, 1, "one of an aligned run that may share a TLB entry"),
      field("PXN", 53, 1, "EL1 may not fetch instructions"),
      field("UXN", 54, 1, "EL0 may not fetch instructions"),
      ...LEAF_TOP,
    ],
  };
}

/** Stage 1, level 3: a 4 KiB page. */
export const PAGE: EntryLayout = stage1Leaf("Page descriptor", 12);

/** Stage 1, level 2: a 2 MiB block. */
export const BLOCK_LEVEL_2: EntryLayout = stage1Leaf("Block descriptor, level 2", 21);

/** Stage 1, level 1: a 1 GiB block. */
export const BLOCK_LEVEL_1: EntryLayout = stage1Leaf("Block descriptor, level 1", 30);

/** Stage 1, levels 0 to 2: the next table. */
export const TABLE: EntryLayout = {
  name: "Table descriptor",
  source: `${MANUAL}.1, stage 1 table descriptor`,
  fields: [
    ...TYPE,
    field("Ignored@2", 2, 10, "ignored"),
    field("NextTable", 12, 36, "frame of the next table"),
    reserved(48, 2),
    field("Ignored@50", 50, 5, "ignored"),
    field("Accessed", 55, 1, "software: something below was used since the last harvest"),
    field("Software", 56, 3, "ignored by hardware"),
    field("PXNTable", 59, 1, "acts as PXN on everything below"),
    field("UXNTable", 60, 1, "acts as UXN on everything below"),
    field("APTable", 61, 2, "bit 0: no EL0 access below; bit 1: read-only below"),
    field("NSTable", 63, 1, "tables and pages below are non-secure"),
  ],
};

function stage2Leaf(name: string, shift: number): EntryLayout {
  return {
    name,
    source: `${MANUAL}.2 and D8.4, stage 2 block and page descriptors`,
    fields: [
      ...TYPE,
      field("MemAttr", 2, 4, "memory type itself, no MAIR in between"),
      field("S2AP", 6, 2, "bit 0 readable, bit 1 writable"),
      field("SH", 8, 2, "shareability: 0 none, 2 outer, 3 inner"),
      field("AF", 10, 1, "access flag: the page was used"),
      reserved(11, 1),
      ...addressFields(shift),
      reserved(50, 1),
      field("DBM", 51, 1, "hardware may set S2AP[1] on a write"),
      field("Contiguous", 52, 1, "one of an aligned run that may share a TLB entry"),
      field("XN", 53, 2, "bit 1: no instruction fetch; bit 0 counts with FEAT_XNX only"),
      ...LEAF_TOP,
    ],
  };
}

/** Stage 2, level 3: a 4 KiB page. */
export const STAGE2_PAGE: EntryLayout = stage2Leaf("Stage 2 page descriptor", 12);

/** Stage 2, level 2: a 2 MiB block. */
export const STAGE2_BLOCK_LEVEL_2: EntryLayout = stage2Leaf(
  "Stage 2 block descriptor, level 2",
  21,
);

/** Stage 2, level 1: a 1 GiB block. */
export const STAGE2_BLOCK_LEVEL_1: EntryLayout = stage2Leaf(
  "Stage 2 block descriptor, level 1",
  30,
);

/** Stage 2, levels 0 to 2: the next table. Stage 2 has no table attributes. */
export const STAGE2_TABLE: EntryLayout = {
  name: "Stage 2 table descriptor",
  source: `${MANUAL}.2, stage 2 table descriptor`,
  fields: [
    ...TYPE,
    field("Ignored@2", 2, 10, "ignored"),
    field("NextTable", 12, 36, "frame of the next table"),
    reserved(48, 2),
    field("Ignored@50", 50, 5, "ignored"),
    field("Accessed", 55, 1, "software: something below was used since the last harvest"),
    field("Software", 56, 3, "ignored by hardware"),
    reserved(59, 5),
  ],
};

/** Leaf layouts by the engine's level: 0 is the last one. */
export const STAGE1_LEAVES: readonly EntryLayout[] = [PAGE, BLOCK_LEVEL_2, BLOCK_LEVEL_1];
export const STAGE2_LEAVES: readonly EntryLayout[] = [
  STAGE2_PAGE,
  STAGE2_BLOCK_LEVEL_2,
  STAGE2_BLOCK_LEVEL_1,
];

/** Every layout of this architecture's table entries. */
export const ENTRY_LAYOUTS: readonly EntryLayout[] = [
  ...STAGE1_LEAVES,
  TABLE,
  ...STAGE2_LEAVES,
  STAGE2_TABLE,
];
