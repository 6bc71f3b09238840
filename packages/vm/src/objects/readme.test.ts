/**
 * The READMEs say what is so: each named drawing is made again and compared, the example of the package runs, and the map names every file.
 */
import { readFileSync, readdirSync } from "node:fs";
import { compileFunction } from "node:vm";
import { Status } from "@aspace/arch";
import type { createMachine } from "@aspace/machine";
import { expect, test } from "vitest";
import { bareMachine } from "../../test/bare-machine.ts";
import { PAGE, expectOk, made } from "../../test/object-situation.ts";
import { byteAt, put } from "../../test/public-object.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { CloneKind } from "./clone.ts";
import { CompressionOutcome, compressPage } from "./compression.ts";
import { createObject, createPagerObject } from "./create-object.ts";
import { complete } from "./driving.ts";
import { dumpNode } from "./dump.ts";
import * as objects from "./index.ts";
import type { MemorySystem } from "./memory-system.ts";
import { UserPager } from "./user-pager.ts";
import type { VmObjectPaged } from "./vm-object-paged.ts";
import { WritebackKind } from "./writeback.ts";

const SIX_PAGES = 6n * PAGE;

test("the drawings of the README are what the code prints, in this order and no others", () => {
  const readme = textOf("README.md");
  const blocks = [...readme.matchAll(/<!-- drawing: ([a-z ]+) -->\n+```\n([\s\S]*?)\n```/g)];
  const drawn = blocks.map(([, name, text]) => `${name}\n${text}`);
  const { system } = createSmallSystem();
  const printed = [...anonymousStory(system), ...pagerStory(system)];
  expect(drawn).toEqual(printed.map(([name, text]) => `${name}\n${text}`));
});

test("the example of the package's README prints what it says", () => {
  const code = /```js\n([\s\S]*?)\n```/.exec(textOf("../../README.md"))![1]!;
  const imports = [...code.matchAll(/^import \{ (.+) \} from "(.+)";$/gm)];
  const names = imports.flatMap(([, list, from]) =>
    list!.split(", ").map((name) => ({ name, value: MODULES[from!]?.[name] })),
  );
  expect(names.filter(({ value }) => value === undefined)).toEqual([]);
  const printed: string[] = [];
  const console = { log: (...values: unknown[]) => void printed.push(values.join(" ")) };
  const body = code.replaceAll(/^import .*$/gm, "");
  const example = compileFunction(body, ["console", ...names.map(({ name }) => name)]);
  example(console, ...names.map(({ value }) => value));
  const promised = /console\.log\(bytes.*\/\/ (.*)$/m.exec(code)![1];
  expect(printed[0]).toBe(promised);
  expect(printed[1]).toContain("hidden");
});

test("the map of the README names every file, and no other", () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "index.ts",
  );
  const map = textOf("README.md").split("## Where things are")[1]!.split("\n## ")[0]!;
  const named = [...map.matchAll(/`([a-z-]+\.ts)`/g)].map((match) => match[1]!);
  expect(named.toSorted()).toEqual(files.toSorted());
});

/** Nothing is translated in the example, so that any machine will do. */
const anyMachine: typeof createMachine = ({ frameCount }) => bareMachine(frameCount);

/** What the example imports. */
const MODULES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "@aspace/arch-x86-64": { x86_64: {} },
  "@aspace/machine": { createMachine: anyMachine },
  "@aspace/vm": objects,
};

function textOf(path: string): string {
  return readFileSync(new URL(path, import.meta.url), "utf8");
}

type Drawing = readonly [name: string, text: string];

/** A heap, its snapshot and the snapshot's snapshot. */
function anonymousStory(system: MemorySystem): Drawing[] {
  const drawings: Drawing[] = [];
  const draw = (name: string, object: VmObjectPaged): void =>
    void drawings.push([name, object.dump()]);

  const heap = made(createObject(system, { size: SIX_PAGES }));
  heap.setUserId(7);
  heap.setName("heap");
  draw("object", heap);

  for (const page of [0, 1, 2]) put(heap, page, page + 1);
  byteAt(heap, 4);
  draw("page list", heap);

  const child = snapshot(heap, 8, 0n, SIX_PAGES);
  draw("snapshot", heap);

  put(child, 0, 9);
  draw("fork", heap);

  put(heap, 0, 9);
  draw("migrate", heap);

  const grandchild = snapshot(child, 9, PAGE, 5n * PAGE);
  draw("share counts", heap);
  drawings.push(["who pays", [heap, child, grandchild].map(bill).join("\n")]);

  expectOk(run(child.zeroRange(PAGE, PAGE)));
  draw("marker", heap);

  system.compressor.arm();
  expect(compressPage(heap.node.parent!, 2)).toBe(CompressionOutcome.COMPRESSED);
  draw("reference", heap);
  byteAt(heap, 2);
  system.compressor.disarm();
  draw("decompressed", heap);

  child.release();
  draw("merge", heap);
  heap.release();
  draw("the last one", grandchild);
  grandchild.release();
  expect(system.pmm.liveCount).toBe(0);
  return drawings;
}

/** A file that a pager supplies, and a private copy of it. */
function pagerStory(system: MemorySystem): Drawing[] {
  const drawings: Drawing[] = [];
  const pager = new UserPager();
  const source = pager.createSource({ key: 3, trapsDirty: true });
  const file = made(createPagerObject(system, { size: 4n * PAGE, source, resizable: true }));
  file.setUserId(20);
  const draw = (name: string): void => void drawings.push([name, dumpNode(file.node)]);

  const reading = file.read(0n, new Uint8Array(1));
  const request = reading.next().value;
  drawings.push(["waiting", `${dumpNode(file.node)}\n${pager.dump()}`]);
  pager.read();
  supply(file, [41, 42, 0]);
  expect(request).toHaveProperty("status", Status.OK);
  expect(reading.next(Status.OK).value).toEqual({ status: Status.OK, bytes: 1 });
  draw("supplied");

  const copy = made(
    file.createClone({ kind: CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE, offset: 0n, size: 4n * PAGE }),
  );
  copy.setUserId(21);
  put(copy, 1, 99);
  draw("private copy");

  const answer = (): void => {
    const packet = pager.read()!;
    expectOk(run(file.dirtyPages(BigInt(packet.page) * PAGE, BigInt(packet.count) * PAGE)));
  };
  expectOk(complete(file.write(0n, Uint8Array.of(1)), answer).status);
  expectOk(file.resize(6n * PAGE));
  draw("dirty");
  expectOk(file.writebackBegin(0n, 6n * PAGE, WritebackKind.PAGES));
  draw("writeback");
  expectOk(file.writebackEnd(0n, 6n * PAGE));
  draw("written back");
  return drawings;
}

/** Supplies the first pages of a file with these first bytes; 0 is no page at all. */
function supply(file: VmObjectPaged, bytes: readonly number[]): void {
  const { system } = file;
  const size = BigInt(bytes.length) * PAGE;
  const aux = made(createObject(system, { size }));
  for (const [page, byte] of bytes.entries()) if (byte > 0) put(aux, page, byte);
  expectOk(run(file.supplyPages(0n, made(aux.takePages(0n, size)))));
  aux.release();
}

function snapshot(parent: VmObjectPaged, id: number, offset: bigint, size: bigint): VmObjectPaged {
  const clone = made(parent.createClone({ kind: CloneKind.SNAPSHOT, offset, size }));
  clone.setUserId(id);
  return clone;
}

function bill(object: VmObjectPaged): string {
  const pages = Array.from({ length: object.sizePages }, (_, page) => page).filter(
    (page) => object.attributedMemoryInRange(page, 1).uncompressedBytes > 0,
  );
  return `object ${object.userId} pays for ${pages.length === 0 ? "nothing" : `its pages ${pages.join(", ")}`}`;
}
