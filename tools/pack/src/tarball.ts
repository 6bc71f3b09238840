/** What would be published: every package of the workspace that is not private, packed. */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./program.ts";

export type Manifest = {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
};

export type Tarball = {
  /** Of the package: `@aspace/arch`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Paths of the files inside, from the package's root. */
  readonly files: readonly string[];
};

const PACKAGES = fileURLToPath(new URL("../../../packages", import.meta.url));

export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}

/** Absolute folders of the packages that are published, in order of their names. */
export async function publishedFolders(): Promise<string[]> {
  const folders = (await readdir(PACKAGES)).toSorted().map((name) => join(PACKAGES, name));
  const manifests = await Promise.all(folders.map(readManifest));
  return folders.filter((_, index) => manifests[index]?.private !== true);
}

/** Absolute folders of the registry's libraries that published packages need, where pnpm put them. */
export async function libraryFolders(): Promise<string[]> {
  const folders = new Map<string, string>();
  for (const folder of await publishedFolders()) {
    const { dependencies = {} } = await readManifest(folder);
    for (const name of Object.keys(dependencies)) {
      if (!name.startsWith("@aspace/")) folders.set(name, join(folder, "node_modules", name));
    }
  }
  return [...folders.values()];
}

/** Packs the package in `folder` into the folder `into`, which is made if need be. */
export async function pack(folder: string, into: string): Promise<Tarball> {
  await mkdir(into, { recursive: true });
  const { status, output } = await run(
    "pnpm",
    ["pack", "--json", "--pack-destination", into],
    folder,
  );
  if (status !== 0) throw new Error(`pnpm pack in ${folder}: ${output}`);
  const packed = JSON.parse(output) as {
    name: string;
    filename: string;
    files: { path: string }[];
  };
  return { name: packed.name, path: packed.filename, files: packed.files.map((file) => file.path) };
}
