import type { Architecture, AspaceKind, Quirk } from "@aspace/arch";
import { arm64 } from "@aspace/arch-arm64";
import { tiny, tinyStrict } from "@aspace/arch-tiny";
import { x86_64 } from "@aspace/arch-x86-64";
import { afterAll, describe, expect, test } from "vitest";
import { PROPERTIES, conform } from "./index.ts";

const BACKENDS: readonly Architecture[] = [x86_64, arm64, tiny, tinyStrict];

/**
 * Not asked: the sweeps over all flags, the races and the random sequences, which are most of the
 * cost, and which no quirk needs to be noticed.
 */
const EXPENSIVE: ReadonlySet<string> = new Set(["P-M2", "P-P1", "P-R3", "P-T7", "P-ALL"]);

const JUDGES: ReadonlySet<string> = new Set(
  PROPERTIES.map(({ id }) => id).filter((id) => !EXPENSIVE.has(id)),
);

const TIMEOUT_MS = 120_000;

const rows: string[] = [];

const cases: readonly (readonly [string, string, AspaceKind, Quirk, Architecture])[] =
  BACKENDS.flatMap((architecture) =>
    architecture.quirks.flatMap((quirk) =>
      quirk.kinds.map(
        (kind) =>
          [architecture.name, `${quirk.id} ${quirk.name}`, kind, quirk, architecture] as const,
      ),
    ),
  );

describe("a backend with a known defect fails, by name", () => {
  test.each(cases)(
    "%s with %s in a %s aspace",
    (_, _quirkName, kind, quirk, architecture) => {
      const quirks = new Set([quirk.id]);
      const report = conform(architecture, { quirks, kinds: [kind], properties: JUDGES });
      const failed = report.results.flatMap((result) =>
        result.outcome === "failed" ? [result.id] : [],
      );
      rows.push(
        `${architecture.name.padEnd(12)} ${quirk.id.padEnd(4)} ${kind.padEnd(7)} ${failed.join(" ")}`,
      );
      expect(failed).not.toEqual([]);
    },
    TIMEOUT_MS,
  );
});

afterAll(() => {
  console.log(`backend      quirk kind   failed properties\n${rows.join("\n")}`);
});
