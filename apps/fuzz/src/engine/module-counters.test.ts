import { beforeEach, describe, expect, test } from "vitest";
import { ModuleCounters } from "./module-counters.ts";

const PACKAGES = [
  { name: "arch", folder: "/r/packages/arch/src/" },
  { name: "arch-arm64", folder: "/r/packages/arch-arm64/src/" },
];
const allocate = (size: number): Uint8Array => new Uint8Array(size);

let counters = new ModuleCounters(PACKAGES);

beforeEach(() => {
  counters = new ModuleCounters(PACKAGES);
});

describe("module counters", () => {
  test("name the packages that have none (F-27)", () => {
    counters.register("/r/packages/arch-arm64/src/walk.ts", 7, allocate);
    counters.register("/r/packages/arch-conformance/src/suite.ts", 7, allocate);
    expect(counters.packagesWithoutCounters()).toEqual(["arch"]);
    expect(counters.edgesByPackage()).toEqual({ arch: 0, "arch-arm64": 7 });
  });

  test("remember an edge although the engine clears its counter before the next run", () => {
    const buffer = counters.register("/r/packages/arch/src/status.ts", 6, allocate);
    buffer[5] = 255;
    counters.mergeRun();
    buffer.fill(0);
    buffer[0] = 1;
    counters.mergeRun();
    expect(counters.takeNewEdges()).toEqual({ "arch/status.ts": [0, 5] });
  });

  test("report each edge once, and neither cells of other modules nor padding", () => {
    const buffer = counters.register("/r/packages/arch/src/status.ts", 1, allocate);
    const cells = counters.register("/r/apps/fuzz/src/target.ts", 4, allocate);
    expect(buffer).toHaveLength(4);
    buffer.fill(1);
    cells.fill(1);
    counters.mergeRun();
    expect(counters.takeNewEdges()).toEqual({ "arch/status.ts": [0] });
    counters.mergeRun();
    expect(counters.takeNewEdges()).toEqual({});
  });
});
