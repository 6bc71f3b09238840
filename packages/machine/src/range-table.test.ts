import type { Vpn } from "@aspace/arch";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ENTRY_WORDS, NO_ENTRY, PAYLOAD, RangeTable, pagesOf } from "./range-table.ts";

interface Range {
  readonly first: Vpn;
  readonly size: number;
  readonly value: number;
}

const SIZES = [0, 3, 9, 31, 32, 36];
/** Pages around the edges of the key's two words and of the address space. */
const BASES = [0, 2 ** 31 - 4, 2 ** 32 - 4, 2 ** 35, 2 ** 52 - 8];

const vpn = fc.tuple(fc.constantFrom(...BASES), fc.nat(7)).map(([base, offset]) => base + offset);

const call = fc.oneof(
  fc.record({ kind: fc.constant("insert"), vpn, size: fc.constantFrom(...SIZES), value: fc.nat() }),
  fc.record({ kind: fc.constant("remove"), vpn, size: fc.constantFrom(...SIZES), value: fc.nat() }),
  fc.record({ kind: fc.constant("clear"), vpn, size: fc.constant(0), value: fc.nat(20) }),
);

const covers = (range: Range, page: Vpn): boolean =>
  page >= range.first && page < range.first + 2 ** range.size;

function expectAgreement(table: RangeTable, model: readonly Range[], page: Vpn): void {
  const expected = model
    .filter((range) => covers(range, page))
    .toSorted((left, right) => left.size - right.size);
  const found: Range[] = [];
  for (let e = table.find(page); e !== NO_ENTRY; e = table.findLarger(e, page)) {
    const value = table.words[e + PAYLOAD]!;
    found.push({ first: table.vpnOf(e), size: table.sizeOf(e), value });
  }
  expect(found).toEqual(expected);
}

describe("RangeTable", () => {
  it("law: agrees with a list of ranges about every page, smallest range first", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 80 }), (calls) => {
        const table = new RangeTable();
        let model: Range[] = [];
        for (const { kind, vpn: page, size, value } of calls) {
          const first = Math.floor(page / 2 ** size) * 2 ** size;
          const entry = table.probe(page, size);
          const known = model.find((range) => range.first === first && range.size === size);
          expect(entry === NO_ENTRY).toBe(known === undefined);
          if (kind === "insert" && known === undefined) {
            table.words[table.insert(page, size) + PAYLOAD] = value;
            model.push({ first, size, value });
          } else if (kind === "remove" && known !== undefined) {
            table.remove(entry);
            model = model.filter((range) => range !== known);
          } else if (kind === "clear" && value === 0) {
            table.clear();
            model = [];
          }
          expect(table.count).toBe(model.length);
          expectAgreement(table, model, page);
        }
        for (const base of BASES) {
          for (let i = 0; i < 8; i++) expectAgreement(table, model, base + i);
        }
        for (const size of SIZES) {
          expect(table.hasSmaller(size)).toBe(model.some((range) => range.size < size));
        }
      }),
    );
  });

  it("keeps thousands of entries apart, in windows and at table-sized strides", () => {
    const table = new RangeTable();
    const pages: Vpn[] = [];
    for (let i = 0; i < 2000; i++) pages.push(0xf_ffff_8000_0000 + i, 0x1234_5678 + i * 512);
    for (const page of pages) table.insert(page, 0);
    for (const page of pages) expect(table.vpnOf(table.find(page))).toBe(page);
    for (let i = 0; i < pages.length; i += 2) table.remove(table.find(pages[i]!));
    for (let i = 0; i < pages.length; i++) {
      expect(table.find(pages[i]!) !== NO_ENTRY).toBe(i % 2 === 1);
    }
  });

  it("lays entries out without gaps, so that going through them costs what there is", () => {
    const table = new RangeTable();
    for (let page = 0; page < 50; page++) table.insert(page, 0);
    for (let page = 0; page < 50; page += 3) table.remove(table.find(page));
    const seen = new Set<Vpn>();
    for (let entry = table.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
      seen.add(table.vpnOf(entry));
    }
    expect(seen.size).toBe(33);
    expect([...seen].every((page) => page % 3 !== 0)).toBe(true);
  });

  it("knows the pages of every size", () => {
    for (let size = 0; size < 53; size++) expect(pagesOf(size)).toBe(2 ** size);
  });
});
