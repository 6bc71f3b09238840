import { expect, test } from "vitest";
import { bench } from "./bench.ts";
import { ROWS } from "./row.ts";

test("a report names the host and has every row of the group on both architectures", async () => {
  const { schemaVersion, machine, rows } = await bench("query");
  expect(schemaVersion).toBe(1);
  expect(Object.keys(machine)).toEqual(["cpu", "cores", "platform", "node", "v8", "compiler"]);
  const names = ROWS.filter(({ group }) => group === "query").map(({ name }) => name);
  expect(rows.map(({ name, arch }) => [name, arch])).toEqual(
    names.flatMap((name) => [
      [name, "x86-64"],
      [name, "arm64"],
    ]),
  );
  for (const row of rows) {
    expect(row.ours_ns).toBeGreaterThan(0);
    expect(row.bytes).toBeGreaterThanOrEqual(0);
    expect(row.reference_ns === null).toBe(row.ratio === null);
  }
});
