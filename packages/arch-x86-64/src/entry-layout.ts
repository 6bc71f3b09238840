import { fieldNamed, type BitField, type EntryLayout } from "@aspace/arch";

/**
 * Every entry of an x86-64 table as a list of named bits: Intel SDM vol. 3A, tables 4-14 to 4-20, and
 * for EPT vol. 3C, tables "Format of an EPT ... Entry". Names are the manual's; `AVL<bit>` are bits
 * that the CPU ignores, `RSVD<bit>` bits that must be zero, and `frame`, `frame2M`, `frame1G` are the
 * physical address in units of what the entry maps. Where the address ends depends on MAXPHYADDR.
 */
export interface EntryLayouts {
  /** PML5E and PML4E: always a table, bit 7 reserved. */
  readonly topTable: EntryLayout;
  /** PDPTE or PDE that refers to a table: bit 7 (PS) is 0. */
  readonly table: EntryLayout;
  /** Leaves by level: PTE, PDE with PS = 1, PDPTE with PS = 1. */
  readonly leaves: readonly [EntryLayout, EntryLayout, EntryLayout];
}

function field(bit: number, width: number, name: string, meaning: string): BitField {
  return { name, bit, width, meaning };
}

function ignored(bit: number, width: number): BitField {
  return field(bit, width, `AVL${bit}`, "ignored by the CPU");
}

function reserved(bit: number, width: number): BitField {
  return { name: `RSVD${bit}`, bit, width, meaning: "must be zero", reserved: true };
}

/** The address from `bit` up to MAXPHYADDR, and the reserved bits between that and bit 51. */
function address(bit: number, physBits: number, name: string): BitField[] {
  const frame = field(bit, physBits - bit, name, "physical address");
  return physBits === 52 ? [frame] : [frame, reserved(physBits, 52 - physBits)];
}

const P = field(0, 1, "P", "present");
const PS = field(7, 1, "PS", "1: a leaf, 0: refers to a table");

const COMMON: readonly BitField[] = [
  P,
  field(1, 1, "RW", "writes allowed"),
  field(2, 1, "US", "user-mode accesses allowed"),
  field(3, 1, "PWT", "memory type, bit 0 of the PAT index"),
  field(4, 1, "PCD", "memory type, bit 1 of the PAT index"),
  field(5, 1, "A", "accessed: used for a translation"),
];

const XD = field(63, 1, "XD", "fetches forbidden; reserved when EFER.NXE = 0");

/** Bits 6 to 12 of a leaf that is larger than a page, where PS takes PAT's place in a PTE. */
const LARGE: readonly BitField[] = [
  field(6, 1, "D", "dirty: written through"),
  PS,
  field(8, 1, "G", "global: valid under every PCID"),
  ignored(9, 3),
  field(12, 1, "PAT", "memory type, bit 2 of the PAT index"),
];

const LEAF_TOP: readonly BitField[] = [
  ignored(52, 7),
  field(59, 4, "PK", "protection key; keys are off, so ignored"),
  XD,
];

/** Entries of 4-level and 5-level paging, for a MAXPHYADDR of `physBits`. */
export function pagingLayouts(physBits: number): EntryLayouts {
  const source = "Intel SDM vol. 3A, 4.5.5";
  const table = (name: string, bit7: BitField): EntryLayout => ({
    name,
    source,
    fields: [
      ...COMMON,
      ignored(6, 1),
      bit7,
      ignored(8, 4),
      ...address(12, physBits, "frame"),
      ignored(52, 11),
      XD,
    ],
  });
  const pte: BitField[] = [
    ...COMMON,
    field(6, 1, "D", "dirty: written through"),
    field(7, 1, "PAT", "memory type, bit 2 of the PAT index"),
    field(8, 1, "G", "global: valid under every PCID"),
    ignored(9, 3),
    ...address(12, physBits, "frame"),
    ...LEAF_TOP,
  ];
  const pde = [
    ...COMMON,
    ...LARGE,
    reserved(13, 8),
    ...address(21, physBits, "frame2M"),
    ...LEAF_TOP,
  ];
  const pdpte = [
    ...COMMON,
    ...LARGE,
    reserved(13, 17),
    ...address(30, physBits, "frame1G"),
    ...LEAF_TOP,
  ];
  return {
    topTable: table("PML4E", reserved(7, 1)),
    table: table("PDE to a table", PS),
    leaves: [
      { name: "PTE", source, fields: pte },
      { name: "PDE, 2 MiB page", source, fields: pde },
      { name: "PDPTE, 1 GiB page", source, fields: pdpte },
    ],
  };
}

const EPT_RIGHTS: readonly BitField[] = [
  field(0, 1, "R", "reads allowed"),
  field(1, 1, "W", "writes allowed"),
  field(2, 1, "X", "fetches allowed"),
];

/** Bits 8 to 11, the same in every EPT entry; A and D are ignored while EPTP bit 6 is 0. */
const EPT_MIDDLE: readonly BitField[] = [
  field(8, 1, "A", "accessed, if EPTP bit 6 = 1"),
  field(9, 1, "D", "dirty, if EPTP bit 6 = 1 and a leaf"),
  field(10, 1, "XU", "user fetches, if mode-based execute control is on"),
  ignored(11, 1),
];

const EPT_TYPE: readonly BitField[] = [
  field(3, 3, "MT", "memory type: 0 UC, 1 WC, 4 WT, 5 WP, 6 WB"),
  field(6, 1, "IPAT", "the guest's own PAT type does not count"),
];

const EPT_TOP: readonly BitField[] = [
  ignored(52, 11),
  field(63, 1, "SVE", "suppress #VE; virtualization exceptions are off, so ignored"),
];

/** Entries of extended page tables, for a MAXPHYADDR of `physBits`. */
export function eptLayouts(physBits: number): EntryLayouts {
  const source = "Intel SDM vol. 3C, 29.3.2";
  const table = (name: string, bits7To3: BitField[]): EntryLayout => ({
    name,
    source,
    fields: [
      ...EPT_RIGHTS,
      ...bits7To3,
      ...EPT_MIDDLE,
      ...address(12, physBits, "frame"),
      ...EPT_TOP,
    ],
  });
  const leaf = (name: string, bit7: BitField, frame: BitField[]): EntryLayout => ({
    name,
    source,
    fields: [...EPT_RIGHTS, ...EPT_TYPE, bit7, ...EPT_MIDDLE, ...frame, ...EPT_TOP],
  });
  return {
    topTable: table("EPT PML4E", [reserved(3, 5)]),
    table: table("EPT PDE to a table", [reserved(3, 4), PS]),
    leaves: [
      leaf("EPT PTE", ignored(7, 1), address(12, physBits, "frame")),
      leaf("EPT PDE, 2 MiB page", PS, [reserved(12, 9), ...address(21, physBits, "frame2M")]),
      leaf("EPT PDPTE, 1 GiB page", PS, [reserved(12, 18), ...address(30, physBits, "frame1G")]),
    ],
  };
}

/**
 * The layout of an entry found at `level` (0 is the last). Only levels 1 and 2 ask the PS bit: in a
 * PTE the same bit means PAT, and above level 2 it is reserved.
 */
export function layoutOf(layouts: EntryLayouts, level: number, lo: number): EntryLayout {
  if (level === 0) return layouts.leaves[0];
  if (level > 2) return layouts.topTable;
  const isLeaf = (lo & (1 << fieldNamed(layouts.table, "PS").bit)) !== 0;
  return isLeaf ? layouts.leaves[level === 1 ? 1 : 2] : layouts.table;
}
