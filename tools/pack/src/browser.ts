/**
 * Runs the built packages in a real browser, in a page and in a worker: the same scenario as in Node, from the files that
 * would be published. For people to run, and for continuous integration where there is a Chromium.
 */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { SCENARIO } from "./browser-scenario.ts";

const PACKAGES = fileURLToPath(new URL("../../../packages/", import.meta.url));
const PAGE = `<!doctype html><title>aspace</title><pre id="page">waiting</pre><pre id="worker">waiting</pre>
<script type="module">
  import { run } from "/scenario.js";
  page.textContent = "page: " + run();
  new Worker("/worker.js", { type: "module" }).onmessage = ({ data }) => (worker.textContent = data);
</script>`;
const WORKER = `import { run } from "/scenario.js"; postMessage("worker: " + run());`;

const chromium = findChromium();
if (chromium === null) {
  console.log("skipped: there is no Chromium here (Debian: apt-get install chromium)");
} else {
  const server = createServer(({ url = "/" }, response) => {
    const { type, body } = answer(url);
    response.writeHead(body === "" ? 404 : 200, { "content-type": type }).end(body);
  });
  server.listen(0, "127.0.0.1", () => look(server, chromium));
}

function findChromium(): string | null {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      continue;
    }
  }
  return null;
}

function look(server: Server, browser: string): void {
  const { port } = server.address() as AddressInfo;
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"];
  const args = [...flags, "--dump-dom", `http://127.0.0.1:${port}/`];
  execFile(browser, args, { timeout: 60_000 }, (_error, dom) => {
    server.close();
    const seen = ["page", "worker"].map(
      (place) => dom.match(`${place}: (.*?)<`)?.[1] ?? "no answer",
    );
    console.log(`page: ${seen[0]}\nworker: ${seen[1]}`);
    process.exitCode = seen.every((answered) => answered.startsWith("passed")) ? 0 : 1;
  });
}

function answer(url: string): { type: string; body: string } {
  const script = "text/javascript";
  if (url === "/") return { type: "text/html", body: PAGE };
  if (url === "/worker.js") return { type: script, body: WORKER };
  if (url === "/scenario.js") return { type: script, body: linked(SCENARIO) };
  const [, name, file] = /^\/packages\/([\w-]+)\/(.+)$/.exec(url) ?? [];
  if (name === undefined || file === undefined || file.includes(".."))
    return { type: script, body: "" };
  try {
    return { type: script, body: linked(readFileSync(`${PACKAGES}${name}/dist/${file}`, "utf8")) };
  } catch {
    return { type: script, body: "" };
  }
}

/** Browsers resolve no package names, workers not even with an import map: the names become paths. */
function linked(code: string): string {
  return code.replace(/(from\s*)"@aspace\/([\w-]+)"/g, '$1"/packages/$2/index.js"');
}
