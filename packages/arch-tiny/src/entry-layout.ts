import type { EntryLayout } from "@aspace/arch";

const SOURCE = "made up";

/** An entry that points at a table. */
export const TABLE_ENTRY: EntryLayout = {
  name: "Table entry, levels 3 to 1",
  source: SOURCE,
  fields: [
    { name: "V", bit: 0, width: 1, meaning: "valid" },
    { name: "L", bit: 1, width: 1, meaning: "0: points at a table" },
    { name: "reserved", bit: 2, width: 14, meaning: "must be zero", reserved: true },
    { name: "frame", bit: 16, width: 24, meaning: "frame of the table" },
    { name: "reservedHigh", bit: 40, width: 23, meaning: "must be zero", reserved: true },
    { name: "S", bit: 63, width: 1, meaning: "software: used since last looked at" },
  ],
};

/** An entry that maps pages. The frame of a large leaf is aligned to its size. */
export const LEAF_ENTRY: EntryLayout = {
  name: "Leaf entry, levels 2 to 0",
  source: SOURCE,
  fields: [
    { name: "V", bit: 0, width: 1, meaning: "valid; reads are allowed" },
    { name: "L", bit: 1, width: 1, meaning: "1: maps pages" },
    { name: "W", bit: 2, width: 1, meaning: "writes are allowed" },
    { name: "X", bit: 3, width: 1, meaning: "fetches are allowed" },
    { name: "U", bit: 4, width: 1, meaning: "a user page" },
    { name: "A", bit: 5, width: 1, meaning: "accessed" },
    { name: "D", bit: 6, width: 1, meaning: "dirty" },
    { name: "G", bit: 7, width: 1, meaning: "valid under every tag" },
    { name: "T", bit: 8, width: 2, meaning: "memory type" },
    { name: "reserved", bit: 10, width: 6, meaning: "must be zero", reserved: true },
    { name: "frame", bit: 16, width: 24, meaning: "frame of the first page" },
    { name: "reservedHigh", bit: 40, width: 24, meaning: "must be zero", reserved: true },
  ],
};
