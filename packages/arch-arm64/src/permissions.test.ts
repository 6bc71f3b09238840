import { ALL_ACCESSES, Access, NO_FAULT, accessName } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { bit, stage1Tables, stage2Tables, tableAt, type Tables } from "../test/tables.ts";

/**
 * Every combination of permission bits, through real walks, against the manual's tables written down
 * a second time in another form: strings to look up in, as the manual prints them.
 */

interface Bits {
  readonly ap: number;
  readonly uxn: number;
  readonly pxn: number;
  readonly apTable: number;
  readonly uxnTable: number;
  readonly pxnTable: number;
}

/** Numbers 0 to `count - 1`. */
const upTo = (count: number): number[] => Array.from({ length: count }, (_, value) => value);

function* everyCombination(): Generator<Bits> {
  for (const ap of upTo(4)) {
    for (const apTable of upTo(4)) {
      for (const rest of upTo(16)) {
        const flag = (position: number): number => (rest >> position) & 1;
        yield { ap, apTable, uxn: flag(0), pxn: flag(1), uxnTable: flag(2), pxnTable: flag(3) };
      }
    }
  }
}

/** D8.4.1.2: what AP[2:1] gives to EL1 and EL0. */
const DATA: Readonly<Record<number, { el1: string; el0: string }>> = {
  0b00: { el1: "rw", el0: "" },
  0b01: { el1: "rw", el0: "rw" },
  0b10: { el1: "r", el0: "" },
  0b11: { el1: "r", el0: "r" },
};

/** D8.4.1.3: what APTable makes of AP[2:1], AP in columns 00, 01, 10, 11. */
const AFTER_AP_TABLE: Readonly<Record<number, readonly number[]>> = {
  0b00: [0b00, 0b01, 0b10, 0b11],
  0b01: [0b00, 0b00, 0b10, 0b10],
  0b10: [0b10, 0b11, 0b10, 0b11],
  0b11: [0b10, 0b10, 0b10, 0b10],
};

function manualAllows(bits: Bits, wxn: boolean, access: Access): boolean {
  const { el1, el0 } = DATA[AFTER_AP_TABLE[bits.apTable]![bits.ap]!]!;
  const uxn = bits.uxn + bits.uxnTable > 0;
  const pxn = bits.pxn + bits.pxnTable > 0;
  const pan = el0 !== "";
  switch (access) {
    case Access.USER_READ:
      return el0.includes("r");
    case Access.USER_WRITE:
      return el0.includes("w");
    case Access.USER_FETCH:
      return !uxn && !(wxn && el0.includes("w"));
    case Access.KERNEL_READ:
      return el1.includes("r") && !pan;
    case Access.KERNEL_WRITE:
      return el1.includes("w") && !pan;
    case Access.COPY_READ:
      return el1.includes("r");
    case Access.COPY_WRITE:
      return el1.includes("w");
    default:
      return !pxn && !el0.includes("w") && !(wxn && el1.includes("w"));
  }
}

/** A path for page 0 through frames 1, 3, 4, 5, with the table attributes at manual level `carrier`. */
function writePath(tables: Tables, bits: Bits, carrier: number): void {
  const attributes =
    (BigInt(bits.apTable) << 61n) | (BigInt(bits.uxnTable) << 60n) | (BigInt(bits.pxnTable) << 59n);
  const at = (level: number): bigint => (level === carrier ? attributes : 0n);
  tables.set(1, 0, tableAt(3, at(0)));
  tables.set(3, 0, tableAt(4, at(1)));
  tables.set(4, 0, tableAt(5, at(2)));
  const permissions =
    (BigInt(bits.ap) << 6n) | (BigInt(bits.pxn) << 53n) | (BigInt(bits.uxn) << 54n);
  tables.set(5, 0, tableAt(9, bit(10) | permissions));
}

describe.each([false, true])("stage 1 permissions with WXN %s (G-13)", (wxn) => {
  test.each([0, 1, 2])("all bits, table attributes at level %i", (carrier) => {
    const tables = stage1Tables();
    if (wxn) tables.write("SCTLR_EL1", bit(19));
    for (const bits of everyCombination()) {
      writePath(tables, bits, carrier);
      for (const access of ALL_ACCESSES) {
        const walk = tables.walk(0, access);
        const expected = manualAllows(bits, wxn, access);
        const text = `${JSON.stringify(bits)} ${accessName(access)}`;
        expect(walk.fault === NO_FAULT, text).toBe(expected);
        expect(((walk.allowed >> access) & 1) === 1, text).toBe(expected);
        if (!expected) expect(walk.fault & 0x3f, text).toBe(0b001111);
        expect(walk.present, text).toBe(true);
      }
    }
  });
});

test("with HPD0 table attributes do not count (G-13)", () => {
  const tables = stage1Tables(0x15_b510_3510n | bit(41));
  for (const bits of everyCombination()) {
    writePath(tables, bits, 1);
    const leafOnly = { ...bits, apTable: 0, uxnTable: 0, pxnTable: 0 };
    for (const access of ALL_ACCESSES) {
      const allowed = tables.walk(0, access).fault === NO_FAULT;
      expect(allowed).toBe(manualAllows(leafOnly, false, access));
    }
  }
});

test("table attributes of several levels add up (G-13)", () => {
  const tables = stage1Tables();
  writePath(tables, { ap: 1, uxn: 0, pxn: 0, apTable: 0, uxnTable: 0, pxnTable: 0 }, 0);
  tables.set(1, 0, tableAt(3, bit(60)));
  tables.set(3, 0, tableAt(4, bit(62)));
  const { allowed } = tables.walk(0, Access.USER_READ);
  const expected: readonly Access[] = [
    Access.USER_READ,
    Access.COPY_READ,
    Access.KERNEL_FETCH,
    Access.COPY_FETCH,
  ];
  expect(allowed).toBe(expected.reduce<number>((mask, access) => mask | (1 << access), 0));
});

describe("stage 2 permissions (G-14)", () => {
  /** By S2AP: data accesses; by XN: whether fetches are allowed without FEAT_XNX. */
  const S2AP = ["", "r", "w", "rw"] as const;
  const XN = [true, true, false, false] as const;

  test.each(upTo(16))("S2AP and XN bits %i, the same in every mode", (bits) => {
    const tables = stage2Tables();
    const s2ap = bits & 3;
    const xn = bits >> 2;
    // Table descriptors have no attributes: all ones in their upper bits change nothing.
    tables.set(1, 0, tableAt(3, 0x1fn << 59n));
    tables.set(3, 0, tableAt(4));
    tables.set(4, 0, tableAt(9, bit(10) | (BigInt(s2ap) << 6n) | (BigInt(xn) << 53n)));
    for (const access of ALL_ACCESSES) {
      const kind = access % 3;
      const expected = kind === 2 ? XN[xn]! : S2AP[s2ap]!.includes(kind === 0 ? "r" : "w");
      const walk = tables.walk(0, access);
      expect(walk.fault === NO_FAULT, accessName(access)).toBe(expected);
      expect(((walk.allowed >> access) & 1) === 1).toBe(expected);
    }
  });
});
