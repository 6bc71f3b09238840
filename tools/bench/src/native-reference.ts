import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ReferenceCase } from "./row.ts";

const SOURCE = join(import.meta.dirname, "../native/page_tables.c");

/** The first that the compiler takes; some compilers do not know every machine's own name. */
const OPTIMIZATIONS: readonly (readonly string[])[] = [["-O2", "-march=native"], ["-O2"]];

/** The first line of `cc --version`, or null when there is no C compiler. */
export function compilerVersion(): string | null {
  try {
    return execFileSync("cc", ["--version"], { encoding: "utf8" }).split("\n")[0]!;
  } catch {
    return null;
  }
}

/** Builds the reference into `folder`; answers the program's path. Throws what the compiler said. */
export function buildReference(folder: string): string {
  const program = join(folder, "page_tables");
  let failure: unknown;
  for (const optimization of OPTIMIZATIONS) {
    try {
      const options = [...optimization, "-std=gnu11", "-Wall", "-Wextra", "-Werror"];
      execFileSync("cc", [...options, "-o", program, SOURCE], { stdio: "pipe" });
      return program;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** The reference as a process that answers one reading at a time, so that rounds can interleave. */
export class NativeReference {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "aspace-bench-"));
    const child = spawn(buildReference(this.#folder), { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Nanoseconds per page of the median slice. */
  async read(name: ReferenceCase, passes: number): Promise<number> {
    this.#child.stdin!.write(`${name} ${passes}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error("the native reference ended early");
    return Number(value);
  }

  /** Ends the process and removes the program. */
  close(): void {
    this.#child.stdin!.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
