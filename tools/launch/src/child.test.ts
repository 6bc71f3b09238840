import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

const CHILD = new URL("child.mjs", import.meta.url).href;

/** Node running a program under test in the middle, which runs `program` in its place; no terminal anywhere. */
function launch(program: string) {
  const middle = `
    import { runInOurPlace } from ${JSON.stringify(CHILD)};
    process.exitCode = await runInOurPlace([process.execPath, "-e", ${JSON.stringify(program)}], {});`;
  return spawn(process.execPath, ["--input-type=module", "-e", middle], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function outcome(middle: ReturnType<typeof launch>): Promise<[status: unknown, out: string]> {
  let out = "";
  middle.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const [status] = await once(middle, "close");
  return [status, out];
}

test("the child's exit status and output are ours", async () => {
  for (const status of [0, 1, 2, 70, 130])
    expect(await outcome(launch(`console.log("{}"); process.exitCode = ${status}`))).toEqual([
      status,
      "{}\n",
    ]);
});

test("a child killed by signal n gives 128 + n", async () => {
  expect(await outcome(launch('process.kill(process.pid, "SIGKILL")'))).toEqual([137, ""]);
});

test("a signal sent to us alone reaches the child once, and the child decides", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const middle = launch(`
      const timer = setInterval(() => {}, 1000);
      process.on("${signal}", () => { console.log("caught"); process.exitCode = 130; clearInterval(timer); });
      console.log("ready");`);
    middle.stdout.once("data", () => middle.kill(signal));
    expect(await outcome(middle)).toEqual([130, "ready\ncaught\n"]);
  }
});
