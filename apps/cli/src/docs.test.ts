/** Pages in docs/ show what the command really prints. UPDATE_DOCS=1 writes the blocks anew. */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const DOCS = join(REPOSITORY, "docs");
/** A fenced block that begins with a command and has its output below. */
const RUN = /```\n\$ npm run -s aspace -- (.+)\n\n([^]*?)```/g;

function outputOf(command: string): string {
  const args = [join(REPOSITORY, "apps/cli/src/main.ts"), ...command.split(" ")];
  const env = { ...process.env, COLUMNS: "140", NO_COLOR: "1", LC_ALL: "C.UTF-8" };
  const stdio = ["ignore", "pipe", "ignore"] as ["ignore", "pipe", "ignore"];
  return execFileSync(process.execPath, args, { cwd: REPOSITORY, env, stdio, encoding: "utf8" });
}

const pages = readdirSync(DOCS).filter((name) => name.endsWith(".md"));

test.each(pages)("%s shows what its commands print", (name) => {
  const path = join(DOCS, name);
  const text = readFileSync(path, "utf8");
  const current = text.replace(RUN, (_block, command: string) => {
    return "```\n$ npm run -s aspace -- " + command + "\n\n" + outputOf(command) + "```";
  });
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, current);
  else expect(text).toBe(current);
  expect([...text.matchAll(RUN)].length, "blocks with output").toBeGreaterThan(0);
});
