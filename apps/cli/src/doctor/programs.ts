/** Programs of the system that some jobs call. None of them is needed for the main job. */
import { spawnSync } from "node:child_process";
import type { Check } from "./check.ts";

interface Program {
  readonly id: string;
  readonly title: string;
  /** Names it goes by, the preferred one first. */
  readonly names: readonly string[];
  readonly purpose: string;
  /** Its packages on Debian and Ubuntu. */
  readonly packages: string;
}

const PROGRAMS: readonly Program[] = [
  {
    id: "qemu-x86-64",
    title: "QEMU x86-64",
    names: ["qemu-system-x86_64"],
    purpose: "for comparing with an emulated CPU",
    packages: "qemu-system-x86",
  },
  {
    id: "qemu-arm64",
    title: "QEMU arm64",
    names: ["qemu-system-aarch64"],
    purpose: "for comparing with an emulated CPU",
    packages: "qemu-system-arm",
  },
  {
    id: "browser",
    title: "Chromium",
    names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    purpose: "for tests in a browser",
    packages: "chromium",
  },
  {
    id: "c-compiler",
    title: "C compiler",
    names: ["cc", "gcc", "clang"],
    purpose: "for measuring native code",
    packages: "gcc libc6-dev",
  },
];

/** A program that does not say its version in this time counts as broken. */
const ANSWER_WITHIN_MS = 10_000;

export function checkPrograms(): Check[] {
  return PROGRAMS.map(checkProgram);
}

function checkProgram({ id, title, names, purpose, packages }: Program): Check {
  const always = { id, title, need: "optional", purpose } as const;
  let reason = "not on the PATH";
  for (const name of names) {
    const { error, status, stdout } = spawnSync(name, ["--version"], {
      encoding: "utf8",
      timeout: ANSWER_WITHIN_MS,
    });
    if (status === 0) return { ...always, state: "ok", detail: firstLine(stdout), remedy: null };
    if (!isAbsent(error)) reason = `${name} does not run`;
  }
  return { ...always, state: "missing", detail: reason, remedy: `apt-get install ${packages}` };
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0]!;
}

function isAbsent(error: Error | undefined): boolean {
  return error !== undefined && "code" in error && error.code === "ENOENT";
}
