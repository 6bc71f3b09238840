/** The suite in a thread of its own, with an eye on the clock. */
import { on } from "node:events";
import { Worker } from "node:worker_threads";
import type { PropertyResult } from "@aspace/arch-conformance";
import { badInput } from "../refusal.ts";
import type { Case, Catalog, Message, Request } from "./message.ts";

/** How long to wait, in seconds. */
export interface Patience {
  /** For a module to load. */
  readonly loading: number;
  /** For one property; the longest takes a few seconds on a slow machine. */
  readonly property: number;
}

const PATIENCE: Patience = { loading: 10, property: 120 };

export interface SuiteOutcome {
  readonly catalog: Catalog;
  readonly results: readonly PropertyResult[];
  /** False when the backend hung or ended its thread: what would have come after was not run. */
  readonly isComplete: boolean;
}

export interface SuiteProgress {
  readonly case: Case;
  readonly finished: number;
  readonly total: number;
}

/** The thread is gone, and why. */
interface Lost {
  readonly kind: "lost";
  readonly reason: string;
}

/**
 * Runs a request. Refuses a backend that does not load. One that does not come back from a
 * property, or ends its thread there, has failed that property.
 */
export async function superviseSuite(
  request: Request,
  onProgress: (progress: SuiteProgress) => void,
  patience: Patience = PATIENCE,
): Promise<SuiteOutcome> {
  const results: PropertyResult[] = [];
  let catalog: Catalog | null = null;
  let running: Case | null = null;
  for await (const message of messagesOf(request, patience)) {
    switch (message.kind) {
      case "ready":
        catalog = message.catalog;
        break;
      case "started":
        running = message.case;
        onProgress({ case: running, finished: results.length, total: catalog!.cases.length });
        break;
      case "result":
        results.push(message.result);
        break;
      case "refused":
        throw badInput(message.reason);
      case "done":
        return { catalog: catalog!, results, isComplete: true };
      case "lost":
        if (running === null) throw badInput(`${nameOf(request)}: ${message.reason}`);
        results.push(lostCase(running, message.reason));
        return { catalog: catalog!, results, isComplete: false };
    }
  }
  throw new Error("the suite's thread ended without a last word");
}

/** What the thread says; when it stops talking, that. Ends the thread when left. */
async function* messagesOf(request: Request, patience: Patience): AsyncGenerator<Message | Lost> {
  const watch = new SilenceWatch(patience.loading);
  const thread = startThread(request);
  try {
    const messages = on(thread, "message", { close: ["exit"], signal: watch.signal });
    for await (const [message] of messages as AsyncIterable<[Message]>) {
      watch.restart(patience.property);
      yield message;
    }
    yield { kind: "lost", reason: "it ended the process that it was loaded into" };
  } catch (error) {
    if (watch.signal.aborted) {
      yield { kind: "lost", reason: `it did not finish within ${watch.seconds} s` };
    } else if (request.subject.kind === "module") {
      yield { kind: "lost", reason: `it threw after its call had returned: ${oneLine(error)}` };
    } else {
      throw error;
    }
  } finally {
    watch.stop();
    await thread.terminate();
  }
}

/** What a backend prints is not our result: it goes to stderr. */
function startThread(request: Request): Worker {
  const program = new URL("./suite-thread.ts", import.meta.url);
  const thread = new Worker(program, { workerData: request, stdout: true });
  thread.stdout.pipe(process.stderr, { end: false });
  return thread;
}

/** Aborts its signal when nobody restarts it in time. */
class SilenceWatch {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;
  seconds: number;

  constructor(seconds: number) {
    this.seconds = seconds;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(seconds: number): void {
    this.stop();
    this.seconds = seconds;
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(), this.seconds * 1000);
  }
}

function nameOf({ subject }: Request): string {
  return subject.kind === "module" ? subject.path : subject.name;
}

function lostCase({ id, title, kind }: Case, reason: string): PropertyResult {
  const message = `the backend did not come back: ${reason}`;
  return { id, title, kind, outcome: "failed", rule: id, message, trace: [] };
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0]!;
}
