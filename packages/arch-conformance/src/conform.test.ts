import type { Architecture } from "@aspace/arch";
import { arm64 } from "@aspace/arch-arm64";
import { tiny, tinyStrict } from "@aspace/arch-tiny";
import { x86_64, x86_64La57 } from "@aspace/arch-x86-64";
import { describe, expect, test } from "vitest";
import { PROPERTIES, type PropertyResult, conform } from "./index.ts";
import { EVERY_KIND } from "./property.ts";

const BACKENDS: readonly Architecture[] = [x86_64, x86_64La57, arm64, tiny, tinyStrict];

/** Runs of the whole suite take seconds on a busy machine. */
const TIMEOUT_MS = 120_000;

const failures = (results: readonly PropertyResult[]): string[] =>
  results.flatMap((result) =>
    result.outcome === "failed"
      ? [`${result.id} ${result.kind} ${result.rule} ${result.message}`]
      : [],
  );

describe.each(BACKENDS)("$name", (architecture) => {
  test.each(EVERY_KIND)(
    "has every property as a %s aspace",
    (kind) => {
      const others = BACKENDS.filter((other) => other !== architecture);
      const report = conform(architecture, { kinds: [kind], others });
      expect(failures(report.results)).toEqual([]);
      expect(report.passed).toBeGreaterThan(40);
    },
    TIMEOUT_MS,
  );
});

describe("a report", () => {
  const some = { kinds: ["user"] as const, properties: new Set(["P-M1", "P-S1", "P-H8", "P-X1"]) };

  test("names what excludes a property", () => {
    const report = conform(x86_64, some);
    const reasons = report.results.flatMap((result) =>
      result.outcome === "not-applicable" ? [`${result.id}: ${result.reason}`] : [],
    );
    expect(reasons).toEqual([
      "P-H8: not markAccessedSupported",
      "P-S1: shared, restricted and unified aspaces are not modelled",
      "P-X1: no other backend to compare with",
    ]);
    expect(report).toMatchObject({ passed: 1, failed: 0, notApplicable: 3 });
  });

  test("is the same for the same seed, and each result is told as it comes", () => {
    const told: PropertyResult[] = [];
    const options = { kinds: ["user"] as const, properties: new Set(["P-ALL"]), seed: 7 };
    const first = conform(tiny, { ...options, onResult: (result) => told.push(result) });
    expect(told).toEqual(first.results);
    expect(conform(tiny, options)).toEqual(first);
  });

  test("says what a backend threw, and goes on with the next property", () => {
    const broken: Architecture = {
      ...tiny,
      boot() {
        throw new TypeError("no such register");
      },
    };
    const report = conform(broken, { kinds: ["guest"], properties: new Set(["P-M1", "P-M2"]) });
    expect(report.failed).toBe(2);
    const [first] = report.results;
    expect(first).toMatchObject({ id: "P-M1", outcome: "failed", rule: "P-M1" });
    expect(failures(report.results)[0]).toContain("no such register");
  });

  test("shows the operations that led to a failure", () => {
    const report = conform(tiny, {
      quirks: new Set(["H5"]),
      kinds: ["user"],
      properties: new Set(["P-M8"]),
    });
    const [result] = report.results;
    if (result?.outcome !== "failed") throw new Error("H5 was not found");
    expect(result.rule).toBe("P-T1");
    expect(result.trace.some((line) => line.startsWith("map ") && line.endsWith("upgrade"))).toBe(
      true,
    );
    expect(report.quirks).toEqual(["H5"]);
  });

  test("ends a backend that loops around the machine", () => {
    const looping: Architecture = {
      ...tiny,
      boot(hardware, options) {
        const system = tiny.boot(hardware, options);
        const forever = (): never => {
          for (;;) hardware.bus.barrier();
        };
        return {
          start: () => system.start(),
          get kernel() {
            return Object.assign(system.kernel, { map: forever });
          },
          createAspace: (kind) => system.createAspace(kind),
          contextSwitch: (cpu, to) => system.contextSwitch(cpu, to),
        };
      },
    };
    const report = conform(looping, { kinds: ["kernel"], properties: new Set(["P-M1"]) });
    expect(failures(report.results)[0]).toContain("a loop");
  });
});

test("every property of the list has an id of its own", () => {
  const ids = PROPERTIES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const groups = { L: 6, M: 10, B: 6, U: 7, P: 7, Q: 4, H: 8, T: 9, R: 4, S: 5 };
  const expected = Object.entries(groups).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, i) => `P-${group}${i + 1}`),
  );
  expect(ids).toEqual([...expected, "P-X2", "P-ALL"]);
});
