import { expect, test } from "vitest";
import {
  ACCESS_KINDS,
  ALL_ACCESSES,
  ALL_ALLOWED,
  Access,
  FETCH_ACCESSES,
  WRITE_ACCESSES,
  accessName,
  isFetchAccess,
  isUserAccess,
  isWriteAccess,
} from "./access.ts";

test("S-10: the nine kinds are numbered by mode, then read, write, fetch", () => {
  const modes = ["USER", "KERNEL", "COPY"] as const;
  const ways = ["READ", "WRITE", "FETCH"] as const;
  const names = modes.flatMap((mode) => ways.map((way) => `${mode}_${way}` as const));
  expect(Object.keys(Access)).toEqual(names);
  expect(names.map((name) => Access[name])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(ALL_ACCESSES).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("S-11: masks have bit a for kind a, and agree with the predicates", () => {
  expect(ALL_ALLOWED).toBe(2 ** ACCESS_KINDS - 1);
  for (const [name, access] of Object.entries(Access)) {
    expect(isWriteAccess(access), name).toBe(name.endsWith("_WRITE"));
    expect(isFetchAccess(access), name).toBe(name.endsWith("_FETCH"));
    expect(isUserAccess(access), name).toBe(name.startsWith("USER_"));
  }
  expect(WRITE_ACCESSES).toBe(0b010_010_010);
  expect(FETCH_ACCESSES).toBe(0b100_100_100);
});

test("S-10: each kind has a name in words", () => {
  expect(ALL_ACCESSES.map(accessName)).toEqual([
    "user read",
    "user write",
    "user fetch",
    "kernel read",
    "kernel write",
    "kernel fetch",
    "user-copy read",
    "user-copy write",
    "user-copy fetch",
  ]);
});
