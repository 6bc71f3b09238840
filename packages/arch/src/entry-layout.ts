/**
 * Entry layouts as data. One list of named bit fields per kind of entry drives encoding, decoding,
 * printing and tests, so that a bit is written down once. Entries are handled as two 32-bit halves;
 * a field may straddle them.
 */

/** A run of bits with the name the manual gives it. */
export interface BitField {
  readonly name: string;
  /** Lowest bit, 0..63. */
  readonly bit: number;
  readonly width: number;
  readonly meaning: string;
  /** The bits must be zero, else the MMU faults. */
  readonly reserved?: true;
}

export interface EntryLayout {
  /** The manual's name: `PTE`, `Block descriptor, level 2`. */
  readonly name: string;
  /** Manual and section. */
  readonly source: string;
  /** From bit 0 up, without gaps or overlaps. */
  readonly fields: readonly BitField[];
}

/** The two halves of an entry, as signed 32-bit numbers like the words of RAM. */
export interface EntryHalves {
  lo: number;
  hi: number;
}

const ones = (width: number): number => (width >= 32 ? -1 : (1 << width) - 1);

/** Puts the low `width` bits of `value` at bit `bit` of an entry. */
function place(value: number, bit: number, width: number): EntryHalves {
  const lowWidth = Math.max(0, Math.min(width, 32 - bit));
  const lo = lowWidth > 0 ? (value & ones(lowWidth)) << bit : 0;
  const highValue = lowWidth > 0 ? Math.floor(value / 2 ** lowWidth) : value;
  const highBit = Math.max(0, bit - 32);
  const hi = width > lowWidth ? (highValue & ones(width - lowWidth)) << highBit : 0;
  return { lo, hi };
}

/** The field called `name`; an unknown name is our own typing mistake. */
export function fieldNamed(layout: EntryLayout, name: string): BitField {
  const field = layout.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new RangeError(`${layout.name} has no field ${name}`);
  return field;
}

/** All ones in the named fields. */
export function fieldMask(layout: EntryLayout, ...names: string[]): EntryHalves {
  return names.reduce<EntryHalves>(
    (mask, name) => {
      const { bit, width } = fieldNamed(layout, name);
      const part = place(2 ** width - 1, bit, width);
      return { lo: mask.lo | part.lo, hi: mask.hi | part.hi };
    },
    { lo: 0, hi: 0 },
  );
}

/** Encodes named field values; fields not named are zero. A value too wide for its field is our mistake. */
export function encodeFields(
  layout: EntryLayout,
  values: Readonly<Record<string, number>>,
): EntryHalves {
  const entry: EntryHalves = { lo: 0, hi: 0 };
  for (const [name, value] of Object.entries(values)) {
    const { bit, width } = fieldNamed(layout, name);
    if (value < 0 || value >= 2 ** width) {
      throw new RangeError(`${layout.name}.${name} = ${value} does not fit ${width} bits`);
    }
    const part = place(value, bit, width);
    entry.lo |= part.lo;
    entry.hi |= part.hi;
  }
  return entry;
}

/** The value of one field in an entry, unsigned. */
export function fieldValue(field: BitField, lo: number, hi: number): number {
  const { bit, width } = field;
  if (bit >= 32) return ((hi >>> (bit - 32)) & ones(width)) >>> 0;
  const lowWidth = Math.min(width, 32 - bit);
  const low = ((lo >>> bit) & ones(lowWidth)) >>> 0;
  const highWidth = width - lowWidth;
  return highWidth === 0 ? low : low + ((hi & ones(highWidth)) >>> 0) * 2 ** lowWidth;
}

/** Every field's value, by name. */
export function decodeFields(layout: EntryLayout, lo: number, hi: number): Record<string, number> {
  return Object.fromEntries(layout.fields.map((field) => [field.name, fieldValue(field, lo, hi)]));
}

const digits = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");

/** An entry as 16 hexadecimal digits. */
export function formatEntry(lo: number, hi: number): string {
  return `0x${digits(hi)}${digits(lo)}`;
}

/** An entry with its non-zero fields: `0x8000000123456067  P RW US A D frame=0x123456 XD`. */
export function describeEntry(layout: EntryLayout, lo: number, hi: number): string {
  const parts = layout.fields.flatMap((field) => {
    const value = fieldValue(field, lo, hi);
    if (value === 0) return [];
    return [field.width === 1 ? field.name : `${field.name}=0x${value.toString(16)}`];
  });
  return `${formatEntry(lo, hi)}  ${parts.length === 0 ? "not present" : parts.join(" ")}`;
}
