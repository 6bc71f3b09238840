import { mkdirSync, mkdtempSync, readdirSync, writeFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha1 } from "../findings/fingerprint.ts";
import { measureCorpus, openWorkingCorpus, readCorpus } from "./corpus.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "aspace-test-"));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function makeCorpus(name: string, ...inputs: string[]): string {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const input of inputs) writeFileSync(join(folder, sha1(input)), input);
  return folder;
}

describe("reading a corpus (F-28)", () => {
  test("skips and names files that are empty, cut short, misnamed or not files", () => {
    const folder = makeCorpus("c", "one", "two");
    writeFileSync(join(folder, sha1("three")), "");
    writeFileSync(join(folder, sha1("four")), "fou");
    writeFileSync(join(folder, "notes.txt"), "hello");
    mkdirSync(join(folder, "sub"));
    const { inputs, damaged } = readCorpus(folder);
    expect([...inputs.keys()]).toEqual([sha1("one"), sha1("two")].toSorted());
    expect(damaged).toEqual(["notes.txt", "sub", sha1("three"), sha1("four")].toSorted());
  });

  test("takes its decoder version from a file that is no input (F-10)", () => {
    const folder = makeCorpus("c", "one");
    expect(readCorpus(folder).decoderVersion).toBeNull();
    writeFileSync(join(folder, "DECODER_VERSION"), "3\n");
    const { decoderVersion, inputs, damaged } = readCorpus(folder);
    expect({ decoderVersion, inputs: inputs.size, damaged }).toEqual({
      decoderVersion: 3,
      inputs: 1,
      damaged: [],
    });
    expect(measureCorpus(folder)).toEqual({ files: 1, bytes: 3 });
  });
});

describe("a working corpus", () => {
  test("keeps what is whole, takes the seeds, and moves the rest out of the engine's way", () => {
    const working = makeCorpus("w", "mine");
    writeFileSync(join(working, sha1("cut")), "");
    const seeds = readCorpus(makeCorpus("s", "seed"));
    const notes = openWorkingCorpus(working, join(root, "damaged"), seeds, 1);
    expect([...readCorpus(working).inputs.keys()]).toEqual([sha1("mine"), sha1("seed")].toSorted());
    expect(readdirSync(join(root, "damaged"))).toEqual([sha1("cut")]);
    expect(notes).toEqual([expect.stringContaining("1 damaged files moved")]);
    expect(openWorkingCorpus(working, join(root, "damaged"), seeds, 1)).toEqual([]);
  });

  test("of another decoder version is kept aside and begun anew", () => {
    const working = join(root, "w");
    openWorkingCorpus(working, "", readCorpus(makeCorpus("old", "old")), 1);
    const notes = openWorkingCorpus(working, "", readCorpus(makeCorpus("new", "new")), 2);
    expect([...readCorpus(working).inputs.keys()]).toEqual([sha1("new")]);
    expect([...readCorpus(`${working}-decoder-1`).inputs.keys()]).toEqual([sha1("old")]);
    expect(notes).toEqual([expect.stringContaining("decoder version 1")]);
  });
});
