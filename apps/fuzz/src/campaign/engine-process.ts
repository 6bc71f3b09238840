/** One engine process as its supervisor sees it: messages, the end of its output, how it ended. */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { WorkerMessage } from "../engine/telemetry.ts";
import type { WorkerConfig } from "../engine/worker-config.ts";

const WORKER_PROGRAM = fileURLToPath(new URL("../engine/worker-main.ts", import.meta.url));
/** Lines of output kept for the case that the process dies. */
const LINES_KEPT = 200;
/** A process that ignores an interrupt for longer than a run can take is stuck. */
const PATIENCE_MS = 15_000;

export interface EngineEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines on standard error. */
  readonly output: readonly string[];
}

export class EngineProcess {
  readonly ended: Promise<EngineEnd>;
  readonly #child: ChildProcess;
  readonly #output: string[] = [];

  constructor(config: WorkerConfig, onMessage: (message: WorkerMessage) => void) {
    // Its own process group: Ctrl-C in a terminal reaches the supervisor alone, which then decides.
    this.#child = spawn(process.execPath, [WORKER_PROGRAM, JSON.stringify(config)], {
      detached: true,
      env: engineEnvironment(),
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    });
    const telemetry = linesOf(this.#child.stdio[3] as Readable, (line) => {
      const message = parseMessage(line);
      if (message !== null) onMessage(message);
    });
    const output = linesOf(this.#child.stderr!, (line) => this.#keep(line));
    this.ended = this.#end([telemetry, output]);
  }

  /** Asks the process to finish its run and stop; it then reports a last time. */
  interrupt(): void {
    this.#child.kill("SIGINT");
    setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS).unref();
  }

  #keep(line: string): void {
    this.#output.push(line);
    if (this.#output.length > LINES_KEPT) this.#output.shift();
  }

  async #end(streams: Promise<void>[]): Promise<EngineEnd> {
    const exit = new Promise<Omit<EngineEnd, "output">>((resolve) => {
      this.#child.once("error", (error) => {
        this.#keep(error.message);
        resolve({ status: null, signal: null });
      });
      this.#child.once("close", (status, signal) => resolve({ status, signal }));
    });
    const [end] = await Promise.all([exit, ...streams]);
    return { ...end, output: this.#output };
  }
}

async function linesOf(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) onLine(line);
}

/** A process that is killed may leave half a line. */
function parseMessage(line: string): WorkerMessage | null {
  try {
    return JSON.parse(line) as WorkerMessage;
  } catch {
    return null;
  }
}

/** The engine takes options from variables of these names; a campaign depends on its own only. */
function engineEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !isEngineOption(name));
  return Object.fromEntries(kept);
}

function isEngineOption(name: string): boolean {
  return name.startsWith("JAZZER_") || name === "DEBUG";
}
