import { expect, test } from "vitest";
import { REGION_QUIRKS, regionQuirks } from "./quirks.ts";

test("Q-1 Q-2 Q-3 Q-4 Q-5 Q-6 Q-7 Q-8 Q-9 Q-10 Q-11: every id turns on exactly one switch, and no two the same", () => {
  const switches = REGION_QUIRKS.map(({ id }) => {
    const on = Object.entries(regionQuirks(new Set([id]))).filter(([, value]) => value);
    expect(on, id).toHaveLength(1);
    return on[0]![0];
  });
  expect(REGION_QUIRKS.map(({ id }) => id)).toEqual(
    Array.from({ length: 11 }, (_, index) => `Q-${index + 1}`),
  );
  expect(new Set(switches).size).toBe(REGION_QUIRKS.length);
  expect(switches.length).toBe(Object.keys(regionQuirks(new Set())).length);
});

test("Q-1: without ids, and with ids of other components, everything is off", () => {
  for (const ids of [[], ["H1", "q-1", "Q-12"]]) {
    expect(Object.values(regionQuirks(new Set(ids)))).not.toContain(true);
  }
});

test("Q-1: names and summaries are there and unlike, and each can show somewhere", () => {
  for (const field of ["name", "summary"] as const) {
    const values = REGION_QUIRKS.map((quirk) => quirk[field]);
    expect(new Set(values).size).toBe(REGION_QUIRKS.length);
    expect(values).not.toContain("");
  }
  for (const { kinds } of REGION_QUIRKS) expect(kinds.length).toBeGreaterThan(0);
});
