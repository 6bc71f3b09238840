import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Failure } from "../target.ts";
import type { Provenance } from "./finding.ts";
import {
  FindingStore,
  FOLDERS_PER_FINGERPRINT,
  readFinding,
  UnreadableFinding,
  writeSynced,
} from "./finding-store.ts";
import { fingerprintOf } from "./fingerprint.ts";

const failure: Failure = {
  rule: "P-T1",
  operation: "unmap",
  arch: "arm64",
  frame: "flushRange",
  message: "page 0x10 is still in the TLB of CPU 1",
  trace: '{"op":"map"}\n{"op":"unmap"}\n',
};
const provenance: Provenance = {
  target: "arch",
  arches: ["x86-64", "arm64"],
  quirks: [],
  decoderVersion: 1,
  seed: 7,
  node: "v24.0.0",
  commit: null,
};
const input = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

let folder = "";
let store = new FindingStore("", provenance);

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "aspace-test-")), "findings");
  store = new FindingStore(folder, provenance);
});

afterEach(() => {
  rmSync(join(folder, ".."), { recursive: true, force: true });
});

describe("a finding (F-16)", () => {
  test("is a folder that can be read back whole, with where it came from", () => {
    const saved = store.save(failure, input(1, 2, 3));
    expect(saved).toMatchObject({ kind: "saved", fingerprint: fingerprintOf(failure) });
    const directory = saved.kind === "saved" ? saved.directory : "";
    expect(readdirSync(directory).toSorted()).toEqual(["finding.json", "input.bin", "trace.jsonl"]);
    const read = readFinding(directory);
    expect([...read.input]).toEqual([1, 2, 3]);
    expect(read.trace).toBe(failure.trace);
    const { trace: _, ...described } = failure;
    expect(read.finding).toMatchObject({ ...described, ...provenance, formatVersion: 1 });
  });

  test("without a trace has no trace file and says so", () => {
    const saved = store.save({ ...failure, trace: "" }, input(1));
    const directory = saved.kind === "saved" ? saved.directory : "";
    expect(readdirSync(directory).toSorted()).toEqual(["finding.json", "input.bin"]);
    expect(readFinding(directory).trace).toBeNull();
  });

  test("is one defect with another when only message and trace differ (F-18)", () => {
    const other = { ...failure, message: "page 0x20 …", trace: "" };
    expect(fingerprintOf(other)).toBe(fingerprintOf(failure));
    for (const change of [{ rule: "P-T2" }, { operation: "map" }, { arch: "x" }, { frame: "f" }]) {
      expect(fingerprintOf({ ...failure, ...change })).not.toBe(fingerprintOf(failure));
    }
  });

  test("is saved a few times for a fingerprint, then only counted (F-21)", () => {
    const kinds = [1, 2, 3, 4, 5].map((byte) => store.save(failure, input(byte)).kind);
    expect(kinds).toEqual(["saved", "saved", "saved", "counted", "counted"]);
    expect(readdirSync(folder)).toHaveLength(FOLDERS_PER_FINGERPRINT);
  });

  test("of an earlier campaign is never overwritten, and a new sighting saved beside it", () => {
    for (const byte of [1, 2, 3]) store.save(failure, input(byte));
    const names = readdirSync(folder);
    const marked = join(folder, names[0]!, "finding.json");
    const before = readFileSync(marked);
    const later = new FindingStore(folder, { ...provenance, seed: 8 });
    expect(later.save(failure, input(4)).kind).toBe("saved");
    expect(later.save(failure, input(1)).kind).toBe("counted");
    expect(later.save(failure, input(5)).kind).toBe("counted");
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(names));
    expect(readFileSync(marked)).toEqual(before);
  });

  test("with the same input by two processes at once is saved by one of them", () => {
    const other = new FindingStore(folder, provenance);
    expect(store.save(failure, input(1)).kind).toBe("saved");
    expect(other.save(failure, input(1)).kind).toBe("counted");
    expect(readdirSync(folder)).toHaveLength(1);
  });
});

describe("on a full disk a finding", () => {
  test("leaves no half folder behind, says why, and is tried again with the next input", () => {
    let isFull = true;
    const full = new FindingStore(folder, provenance, (path, content) => {
      writeSynced(path, content.subarray(0, 1));
      if (isFull) throw new Error("ENOSPC: no space left on device, write");
      writeSynced(path, content);
    });
    const saved = full.save(failure, input(1, 2, 3));
    expect(saved).toMatchObject({ kind: "not-written", reason: expect.stringMatching(/^ENOSPC/) });
    expect(readdirSync(folder)).toEqual([]);
    isFull = false;
    expect(full.save(failure, input(1, 2, 3)).kind).toBe("saved");
  });
});

describe("reading a finding", () => {
  test("refuses what is not there, not whole or from another version, in one line", () => {
    const saved = store.save(failure, input(1, 2, 3));
    const directory = saved.kind === "saved" ? saved.directory : "";
    writeFileSync(join(directory, "input.bin"), "");
    expect(() => readFinding(directory)).toThrow(/input\.bin is damaged$/);
    writeFileSync(join(directory, "finding.json"), '{"formatVersion":2}');
    expect(() => readFinding(directory)).toThrow(/is not a finding of this version$/);
    mkdirSync(join(folder, "empty"));
    expect(() => readFinding(join(folder, "empty"))).toThrow(UnreadableFinding);
  });
});
