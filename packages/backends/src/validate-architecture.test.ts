import { describe, expect, test } from "vitest";
import { BACKENDS, validateArchitecture } from "./index.ts";

const [sample] = BACKENDS;

/** The sample backend with one property, named by its path, replaced. */
function withField(path: string, value: unknown): unknown {
  const [name, ...rest] = path.split(".");
  const copy = (object: unknown, key: string, keys: readonly string[]): unknown => {
    const source = object as Record<string, unknown>;
    const [next, ...others] = keys;
    return { ...source, [key]: next === undefined ? value : copy(source[key], next, others) };
  };
  return copy(sample, name!, rest);
}

describe("validateArchitecture", () => {
  test("answers every built-in backend itself (BK-3)", () => {
    for (const backend of BACKENDS) expect(validateArchitecture(backend)).toBe(backend);
  });

  test.each([undefined, null, 7, "arm64", () => {}])(
    "says that %s is no object (BK-4)",
    (value) => {
      expect(validateArchitecture(value)).toEqual([
        expect.stringMatching(/^the backend: expected an object, found /),
      ]);
    },
  );

  test.each([
    ["name", "", 'name: expected a text that is not empty, found ""'],
    ["boot", {}, "boot: expected a function, found an object"],
    ["tagLimit", 0, "tagLimit: expected a positive whole number, found 0"],
    ["aspaces.user", undefined, "aspaces.user: expected an object, found nothing"],
    ["aspaces.guest.baseVpn", 0.5, "aspaces.guest.baseVpn: expected a whole number, found 0.5"],
    [
      "aspaces.guest.baseVpn",
      "0x200",
      'aspaces.guest.baseVpn: expected a whole number, found "0x200"',
    ],
    [
      "aspaces.kernel.capabilities.hwAccessed",
      undefined,
      "aspaces.kernel.capabilities.hwAccessed: expected true or false, found nothing",
    ],
    [
      "aspaces.user.capabilities.nonTerminalAccessed",
      "sometimes",
      'aspaces.user.capabilities.nonTerminalAccessed: expected one of "hardware", "software", "none", found "sometimes"',
    ],
    [
      "aspaces.user.capabilities.leafShifts",
      [21, 12],
      "aspaces.user.capabilities.leafShifts: expected ascending sizes, found a list",
    ],
    [
      "aspaces.user.capabilities.leafShifts",
      [],
      "aspaces.user.capabilities.leafShifts: expected a list that is not empty, found a list",
    ],
    ["quirks", undefined, "quirks: expected a list, found nothing"],
  ])("names a wrong %s: %s (BK-5)", (path, value, message) => {
    expect(validateArchitecture(withField(path, value))).toEqual([message]);
  });

  test("names each wrong quirk by its place in the list (BK-5)", () => {
    const quirk = { id: "H1", name: "n", summary: "s", kinds: ["host"] };
    expect(validateArchitecture(withField("quirks", [quirk]))).toEqual([
      'quirks[0].kinds[0]: expected one of "user", "kernel", "guest", found "host"',
    ]);
  });

  test("reports everything that is wrong, not the first thing only (BK-6)", () => {
    const problems = validateArchitecture({});
    expect(problems).toHaveLength(9);
  });
});
