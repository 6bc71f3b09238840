/**
 * A copy of the sources to break. Workspace links inside it are relative and stay inside; what comes
 * from the registry is linked to the original's.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { plant, type Defect } from "./defect.ts";

export const REPOSITORY: string = fileURLToPath(new URL("../../../", import.meta.url));

/** What a campaign needs to run. */
const COPIED = ["apps", "packages", "package.json", "pnpm-workspace.yaml", "tsconfig.base.json"];
/** Built and reported things are nobody's sources. */
const LEFT_OUT = /\/(dist|reports|fuzz-out)$/;

export class ScratchTree {
  readonly root: string;

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), "aspace-ground-truth-"));
    for (const name of COPIED) {
      cpSync(join(REPOSITORY, name), join(this.root, name), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) => !LEFT_OUT.test(path),
      });
    }
    symlinkSync(join(REPOSITORY, "node_modules"), join(this.root, "node_modules"));
  }

  /** Runs `action` while the defect is in the tree. */
  async withDefect<T>(defect: Defect, action: () => Promise<T>): Promise<T> {
    const path = join(this.root, defect.file);
    const sound = readFileSync(path, "utf8");
    writeFileSync(path, plant(defect, sound));
    try {
      return await action();
    } finally {
      writeFileSync(path, sound);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The commit that the table was made from. */
export function currentCommit(): string {
  const options = { cwd: REPOSITORY, encoding: "utf8" } as const;
  return execFileSync("git", ["rev-parse", "--short", "HEAD"], options).trim();
}
