import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Consumer } from "./consumer.ts";
import { areTheTypesWrong, publint } from "./inspection.ts";
import { libraryFolders, pack, publishedFolders, readManifest, type Tarball } from "./tarball.ts";

const PASSED = { status: 0, output: expect.any(String) as string };
const folders = await publishedFolders();
const names = await Promise.all(folders.map(async (folder) => (await readManifest(folder)).name));
const importEach = names.map((name, n) => `import * as m${n} from "${name}";`).join("\n");

let scratch = "";
let tarballs: Tarball[] = [];
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "aspace-pack-"));
  tarballs = await Promise.all(folders.map((folder) => pack(folder, join(scratch, "tarballs"))));
});
afterAll(() => rm(scratch, { recursive: true }));

function tarballOf(name: string): Tarball {
  const tarball = tarballs.find((candidate) => candidate.name === name);
  if (tarball === undefined) throw new Error(`${name} was not packed`);
  return tarball;
}

describe.for(names)("the tarball of %s", (name) => {
  test("holds code, declarations, sources, pages and the licence, and no tests", () => {
    const { files } = tarballOf(name);
    const owed = ["dist/index.js", "dist/index.d.ts", "src/index.ts", "README.md", "SPEC.md"];
    expect(files).toEqual(expect.arrayContaining([...owed, "LICENSE"]));
    expect(files.filter((file) => /\.test\./.test(file))).toEqual([]);
  });

  test("is put together right, says publint --strict", async () => {
    expect(await publint(tarballOf(name).path)).toEqual(PASSED);
  });

  test("has types that match its code, says attw", async () => {
    expect(await areTheTypesWrong(tarballOf(name).path)).toEqual(PASSED);
  });
});

describe("a stranger's project with all tarballs", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = new Consumer(join(scratch, "consumer"));
    const into = join(scratch, "libraries");
    const sources = await libraryFolders();
    const libraries = await Promise.all(sources.map((folder) => pack(folder, into)));
    expect(await consumer.install([...tarballs, ...libraries])).toEqual(PASSED);
  });

  test("imports every package with plain Node, and each exports something", async () => {
    const count = names.map((_, n) => `console.log(Object.keys(m${n}).length > 0);`).join("\n");
    expect(await consumer.execute(`${importEach}\n${count}`)).toEqual({
      status: 0,
      output: "true\n".repeat(names.length),
    });
  });

  test("imports every package in a worker", async () => {
    const inside = names.map((name) => `import("${name}")`).join(", ");
    const code = `Promise.all([${inside}]).then((all) => console.log(all.length))`;
    expect(
      await consumer.execute(
        `import { Worker } from "node:worker_threads";\n` +
          `new Worker(${JSON.stringify(code)}, { eval: true });`,
      ),
    ).toEqual({ status: 0, output: `${names.length}\n` });
  });

  test("type-checks against every package's declarations", async () => {
    const use = names.map(
      (_, n) => `export const k${n}: keyof typeof m${n} | undefined = undefined;`,
    );
    expect(await consumer.typecheck(`${importEach}\n${use.join("\n")}`)).toEqual({
      status: 0,
      output: "",
    });
  });

  test("is told when it imports what no package exports", async () => {
    const { status, output } = await consumer.typecheck(
      names.map((name) => `import { noSuchExport } from "${name}";`).join("\n"),
    );
    expect(status).not.toBe(0);
    expect(output.match(/error TS2305/g)).toHaveLength(names.length);
  });
});

test("the inspections refuse a tarball whose code was never built", async () => {
  const folder = await mkdtemp(join(scratch, "unbuilt-"));
  const exports = { types: "./dist/index.d.ts", default: "./dist/index.js" };
  const manifest = { name: "unbuilt", version: "1.0.0", type: "module", exports };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  const { path } = await pack(folder, folder);
  expect((await publint(path)).status).not.toBe(0);
  expect((await areTheTypesWrong(path)).status).not.toBe(0);
});

test("every published package is built before this test: a dependency of this tool leads to it", async () => {
  const manifests = new Map(
    await Promise.all(
      folders.map(async (folder) => {
        const manifest = await readManifest(folder);
        return [manifest.name, manifest] as const;
      }),
    ),
  );
  const tool = await readManifest(join(import.meta.dirname, ".."));
  const reached = new Set(Object.keys(tool.devDependencies ?? {}));
  for (const name of reached)
    for (const next of Object.keys(manifests.get(name)?.dependencies ?? {})) reached.add(next);
  expect([...reached]).toEqual(expect.arrayContaining(names));
});
