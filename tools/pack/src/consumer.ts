/** A stranger's project that has installed the tarballs and nothing else. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Run, run } from "./program.ts";
import type { Tarball } from "./tarball.ts";

const TSC = fileURLToPath(new URL("../../../node_modules/.bin/tsc", import.meta.url));

const COMPILER_OPTIONS = {
  target: "es2024",
  // Ours need no more than es2024, which their own build sees to; valibot's declarations name web types.
  lib: ["es2024", "dom"],
  module: "nodenext",
  types: [],
  strict: true,
  noEmit: true,
};

export class Consumer {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Installs with plain npm. Offline: the tarballs depend on each other only, and a package of the same name that
   * somebody else put on the registry must not stand in for one of ours.
   */
  async install(tarballs: readonly Tarball[]): Promise<Run> {
    const dependencies = tarballs.map(({ name, path }) => [name, `file:${path}`]);
    const manifest = {
      private: true,
      type: "module",
      dependencies: Object.fromEntries(dependencies),
    };
    await mkdir(this.folder, { recursive: true });
    await this.write("package.json", JSON.stringify(manifest));
    return run("npm", ["install", "--offline", "--no-audit", "--no-fund"], this.folder);
  }

  /** Runs a module with Node as it comes, without flags. */
  async execute(text: string): Promise<Run> {
    await this.write("main.js", text);
    return run(process.execPath, ["main.js"], this.folder);
  }

  /** Type-checks a module together with the declarations it imports. */
  async typecheck(text: string): Promise<Run> {
    await this.write("main.ts", text);
    const config = { compilerOptions: COMPILER_OPTIONS, files: ["main.ts"] };
    await this.write("tsconfig.json", JSON.stringify(config));
    return run(TSC, [], this.folder);
  }

  private write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }
}
