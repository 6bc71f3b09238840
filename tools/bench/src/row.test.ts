import { findBackend } from "@aspace/backends";
import { describe, expect, test } from "vitest";
import { GROUPS, ROWS } from "./row.ts";
import { SLICES } from "./window.ts";
import { World } from "./world.ts";

test("every group has rows, and row names differ", () => {
  expect([...new Set(ROWS.map(({ group }) => group))]).toEqual([...GROUPS]);
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
});

/** A workload throws as soon as one of its operations answers anything but success. */
describe.each(["x86-64", "arm64"])("on %s", (name) => {
  test.each(ROWS.map((row) => [row.name, row] as const))("%s: two passes go through", (_, row) => {
    const world = new World(findBackend(name)!);
    const tables = world.aspace.tablePages();
    const workload = row.createWorkload(world);
    for (let pass = 0; pass < 2; pass++) {
      workload.prepare();
      for (let slice = 0; slice < SLICES; slice++) workload.runSlice(slice);
    }
    world.aspace.validate();
    expect(world.aspace.tablePages()).toBe(tables);
  });
});
