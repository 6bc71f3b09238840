import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  rmSync,
} from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha1 } from "../findings/fingerprint.ts";
import { engineReport } from "./engine-report.ts";
import { adaptedCopy, adaptingDlopen, privateCacheFolder } from "./glibc-adaptation.ts";
import type { AddonLoad, LoaderSurroundings } from "./glibc-adaptation.ts";

const require = createRequire(createRequire(import.meta.url).resolve("@jazzer.js/core"));
const fuzzer = dirname(require.resolve("@jazzer.js/fuzzer/package.json"));
const addon = join(fuzzer, "prebuilds", "fuzzer-linux-x64.node");
const MISSING = "/lib/libc.so.6: version `GLIBC_2.38' not found (required by the addon)";

let folder = "";
let loads: AddonLoad[] = [];
let cacheFolderCalls = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "aspace-test-"));
  loads = [];
  cacheFolderCalls = 0;
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A loader that complains with `message` about every file outside `folder`. */
function surroundings(message: string | null, changes: Partial<LoaderSurroundings> = {}) {
  const opened: string[] = [];
  const around: LoaderSurroundings = {
    dlopen: (_module: object, file: string) => {
      opened.push(file);
      if (message !== null && !file.startsWith(folder)) throw new Error(message);
    },
    platform: "linux",
    cpu: "x64",
    cacheFolder: () => {
      cacheFolderCalls++;
      return folder;
    },
    loaded: (load) => loads.push(load),
    ...changes,
  };
  return { opened, dlopen: adaptingDlopen(around) };
}

describe("the loader with the glibc adaptation", () => {
  test("never enters the adaptation where the addon loads as it is", () => {
    const { opened, dlopen } = surroundings(null);
    dlopen({}, addon);
    expect(opened).toEqual([addon]);
    expect(loads).toEqual([{ kind: "native", file: addon }]);
    expect(cacheFolderCalls).toBe(0);
  });

  test("loads an adapted copy when the loader misses one of the two versions", () => {
    for (const version of ["GLIBC_2.38", "GLIBCXX_3.4.32"]) {
      const { opened, dlopen } = surroundings(MISSING.replace("GLIBC_2.38", version));
      dlopen({}, addon);
      expect(opened).toHaveLength(2);
      expect(dirname(opened[1]!)).toBe(folder);
    }
  });

  test("passes foreign errors through: another version, another system, another cause", () => {
    const linux = { platform: "linux", cpu: "x64" };
    const foreign = [
      { ...linux, message: MISSING.replace("2.38", "2.41") },
      { ...linux, message: "invalid ELF header" },
      { platform: "linux", cpu: "arm64", message: MISSING },
      { platform: "darwin", cpu: "x64", message: MISSING },
    ];
    for (const { message, platform, cpu } of foreign) {
      const { opened, dlopen } = surroundings(message, { platform, cpu });
      expect(() => dlopen({}, addon)).toThrow(message);
      expect(opened).toEqual([addon]);
    }
    expect(cacheFolderCalls).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("adapted copies", () => {
  test("are made once and used again by the second start", () => {
    const first = adaptedCopy(addon, folder);
    const { ino, mtimeMs } = statSync(first);
    expect(adaptedCopy(addon, folder)).toBe(first);
    expect(statSync(first)).toMatchObject({ ino, mtimeMs });
    expect(readdirSync(folder)).toEqual([basename(first)]);
    expect(basename(first)).toMatch(/^59ffc0d2[0-9a-f]{56}\.node$/);
  });

  test("are made again when one is cut short or changed", () => {
    const copy = adaptedCopy(addon, folder);
    const whole = readFileSync(copy);
    writeFileSync(copy, whole.subarray(0, 1000));
    expect(readFileSync(adaptedCopy(addon, folder)).equals(whole)).toBe(true);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test("leave the installed addon and its folder as they were", () => {
    const before = { content: sha1(readFileSync(addon)), names: readdirSync(dirname(addon)) };
    adaptedCopy(addon, folder);
    expect({ content: sha1(readFileSync(addon)), names: readdirSync(dirname(addon)) }).toEqual(
      before,
    );
  });
});

describe("the private cache folder", () => {
  test("is closed to everyone else, also when it existed with wider rights", () => {
    vi.stubEnv("XDG_CACHE_HOME", folder);
    mkdirSync(join(folder, "aspace", "engine"), { recursive: true });
    chmodSync(join(folder, "aspace", "engine"), 0o777);
    const cache = privateCacheFolder();
    expect(cache).toBe(join(folder, "aspace", "engine"));
    expect(statSync(cache).mode & 0o777).toBe(0o700);
  });

  test("is elsewhere when the cache cannot be written or is a link", () => {
    vi.stubEnv("TMPDIR", folder);
    writeFileSync(join(folder, "a-file"), "");
    vi.stubEnv("XDG_CACHE_HOME", join(folder, "a-file"));
    expect(dirname(privateCacheFolder())).toBe(folder);

    const linked = join(folder, "linked");
    mkdirSync(join(linked, "aspace"), { recursive: true });
    symlinkSync("/tmp", join(linked, "aspace", "engine"));
    vi.stubEnv("XDG_CACHE_HOME", linked);
    expect(dirname(privateCacheFolder())).toBe(folder);
  });
});

describe("the engine on this machine", () => {
  test("loads, natively or adapted as its glibc demands, and doctor can say which", async () => {
    const report = await engineReport();
    const isOld = report.glibc !== null && Number(report.glibc.split(".")[1]) < 38;
    expect(report.version).toBe("4.0.0");
    expect(report.load).toMatchObject({ kind: isOld ? "adapted" : "native" });
  }, 60_000);

  test("is reported as missing or broken with one line of reason", async () => {
    expect(await engineReport(null)).toMatchObject({ version: null, load: { kind: "missing" } });
    const broken = await engineReport("file:///no/such/engine.js");
    expect(broken.load).toMatchObject({
      kind: "broken",
      reason: expect.stringMatching(/^[^\n]*Cannot find module[^\n]*$/),
    });
  }, 60_000);
});
