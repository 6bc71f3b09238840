/**
 * Makes a copy of the fuzz engine's Linux addon that an older glibc can load.
 *
 * The addon was linked on a newer system. It asks for GLIBC_2.38 because of two functions and for
 * GLIBCXX_3.4.32 because of one marker that nothing calls. The functions are `strtol` and `strtoul`
 * under the names that C23 headers give them; the old names, present in every glibc, do all the
 * engine needs. Eight bytes of the dynamic linking tables say so:
 *
 *     .gnu.version_r   GLIBC_2.38, GLIBCXX_3.4.32      weak: may be missing             2 bytes
 *     .dynsym          __isoc23_strtol, …strtoul       name → tail of the same string   2 bytes
 *     .gnu.version     the same two                    version → libc's GLIBC_2.2.5     2 bytes
 *     .dynsym          _ZSt21ios_base_library_initv    binding → weak                   1 byte
 *     .gnu.version     the same marker                 version → 1, "global"            1 byte
 *
 * Layouts: System V ABI chapter 4 and 5 (ELF-64), LSB Core "Symbol Versioning". A file that does
 * not look exactly like this is refused; guessing in a linker's tables would crash much later.
 */

/** The file is not the addon this adaptation was made for. */
export class NotAdaptable extends Error {
  override readonly name = "NotAdaptable";
}

const SHT_STRTAB = 3;
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const SHT_GNU_VERSYM = 0x6fffffff;

const VER_FLG_WEAK = 2;
const VER_NDX_GLOBAL = 1;
const STB_GLOBAL = 1;
const STB_WEAK = 2;
const SHN_UNDEF = 0;

const SYMBOL_BYTES = 24;
const RENAMED_FUNCTIONS = ["__isoc23_strtol", "__isoc23_strtoul"];
/** `__isoc23_strtol` + 9 bytes is `strtol`: a string table may be entered anywhere. */
const C23_PREFIX_BYTES = "__isoc23_".length;
const UNUSED_MARKER = "_ZSt21ios_base_library_initv";

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

interface Tables {
  readonly view: DataView;
  readonly symbols: Section;
  readonly strings: Section;
  readonly versions: Section;
  readonly needed: Section;
}

/** Adapts a copy of `addon` (the whole file) and leaves `addon` alone. Throws {@link NotAdaptable}. */
export function adaptAddon(addon: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(addon); // not slice(): on a Buffer that is the same memory
  try {
    adaptInPlace(readTables(new DataView(copy.buffer, copy.byteOffset, copy.byteLength)));
  } catch (error) {
    if (error instanceof RangeError) throw new NotAdaptable("a table reaches past the file's end");
    throw error;
  }
  return copy;
}

function adaptInPlace(tables: Tables): void {
  const libcBase = neededVersion(tables, "libc.so.6", "GLIBC_2.2.5").index;
  const glibc = neededVersion(tables, "libc.so.6", "GLIBC_2.38");
  const libstdcxx = neededVersion(tables, "libstdc++.so.6", "GLIBCXX_3.4.32");

  for (const name of RENAMED_FUNCTIONS) {
    const symbol = undefinedSymbol(tables, name, glibc.index);
    tables.view.setUint32(symbol.entry, symbol.name + C23_PREFIX_BYTES, true);
    tables.view.setUint16(symbol.version, libcBase, true);
  }
  const marker = undefinedSymbol(tables, UNUSED_MARKER, libstdcxx.index);
  tables.view.setUint8(marker.entry + 4, (STB_WEAK << 4) | (marker.info & 15));
  tables.view.setUint16(marker.version, VER_NDX_GLOBAL, true);

  for (const version of [glibc, libstdcxx])
    tables.view.setUint16(version.flags, VER_FLG_WEAK, true);
}

function readTables(view: DataView): Tables {
  const isElf64LittleEndian =
    view.getUint32(0) === 0x7f454c46 && view.getUint8(4) === 2 && view.getUint8(5) === 1;
  if (!isElf64LittleEndian) throw new NotAdaptable("not a 64-bit little-endian ELF file");
  if (view.getUint16(18, true) !== 62) throw new NotAdaptable("not an x86-64 file");

  const sections = readSections(view);
  const symbols = theOnly(sections, (s) => s.type === SHT_DYNSYM, ".dynsym");
  const versions = theOnly(sections, (s) => s.type === SHT_GNU_VERSYM, ".gnu.version");
  const needed = theOnly(sections, (s) => s.type === SHT_GNU_VERNEED, ".gnu.version_r");
  const strings = sections[linkedSection(view, sections.indexOf(symbols))];
  if (strings?.type !== SHT_STRTAB) throw new NotAdaptable(".dynsym has no string table");
  if (versions.size / 2 !== symbols.size / SYMBOL_BYTES) {
    throw new NotAdaptable(".gnu.version and .dynsym differ in length");
  }
  return { view, symbols, strings, versions, needed };
}

function sectionHeader(view: DataView, index: number): number {
  return Number(view.getBigUint64(40, true)) + index * view.getUint16(58, true);
}

function linkedSection(view: DataView, index: number): number {
  return view.getUint32(sectionHeader(view, index) + 40, true);
}

function readSections(view: DataView): Section[] {
  return Array.from({ length: view.getUint16(60, true) }, (_, index) => {
    const header = sectionHeader(view, index);
    return {
      type: view.getUint32(header + 4, true),
      offset: Number(view.getBigUint64(header + 24, true)),
      size: Number(view.getBigUint64(header + 32, true)),
    };
  });
}

function theOnly(sections: Section[], matches: (s: Section) => boolean, name: string): Section {
  const found = sections.filter(matches);
  if (found.length !== 1) throw new NotAdaptable(`expected one ${name}, found ${found.length}`);
  return found[0]!;
}

function stringAt({ view, strings }: Tables, name: number): string {
  let text = "";
  for (let at = strings.offset + name; view.getUint8(at) !== 0; at++) {
    text += String.fromCharCode(view.getUint8(at));
  }
  return text;
}

/** Where the flags of one required version are stored, and the index that symbols name it by. */
function neededVersion(
  tables: Tables,
  library: string,
  version: string,
): { flags: number; index: number } {
  const { view, needed } = tables;
  for (let file = needed.offset; ;) {
    if (stringAt(tables, view.getUint32(file + 4, true)) === library) {
      let entry = file + view.getUint32(file + 8, true);
      for (let left = view.getUint16(file + 2, true); left > 0; left--) {
        if (stringAt(tables, view.getUint32(entry + 8, true)) === version) {
          return { flags: entry + 4, index: view.getUint16(entry + 6, true) };
        }
        entry += view.getUint32(entry + 12, true);
      }
    }
    const next = view.getUint32(file + 12, true);
    if (next === 0) throw new NotAdaptable(`${library} is not asked for ${version}`);
    file += next;
  }
}

function undefinedSymbol(
  tables: Tables,
  wanted: string,
  version: number,
): { entry: number; name: number; info: number; version: number } {
  const { view, symbols, versions } = tables;
  for (let index = 0; index < symbols.size / SYMBOL_BYTES; index++) {
    const entry = symbols.offset + index * SYMBOL_BYTES;
    const name = view.getUint32(entry, true);
    if (stringAt(tables, name) !== wanted) continue;

    const info = view.getUint8(entry + 4);
    const versionAt = versions.offset + index * 2;
    const isImport = view.getUint16(entry + 6, true) === SHN_UNDEF && info >> 4 === STB_GLOBAL;
    if (!isImport || view.getUint16(versionAt, true) !== version) {
      throw new NotAdaptable(`${wanted} is not an import of the expected version`);
    }
    return { entry, name, info, version: versionAt };
  }
  throw new NotAdaptable(`${wanted} is not imported`);
}
