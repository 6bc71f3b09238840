/** The suite in a thread of its own, with an eye on the clock. */
import { on } from "node:events";
import { Worker } from "node:worker_threads";
import { badInput } from "../refusal.ts";
import type { Catalog, Message, PropertyResult, Request } from "./message.ts";

/** A module that has not finished loading by then never will. */
const LOADING_SECONDS_MAX = 10;
/** The longest property takes a few seconds on a slow machine. */
const PROPERTY_SECONDS_MAX = 120;

export interface SuiteOutcome {
  readonly catalog: Catalog;
  readonly results: readonly PropertyResult[];
  /** False when the backend hung or ended its thread: what would have come after was not run. */
  readonly isComplete: boolean;
}

export interface SuiteProgress {
  readonly property: string;
  readonly on: string;
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
): Promise<SuiteOutcome> {
  const results: PropertyResult[] = [];
  let catalog: Catalog | null = null;
  let running: Extract<Message, { kind: "started" }> | null = null;
  for await (const message of messagesOf(request)) {
    switch (message.kind) {
      case "ready":
        catalog = message.catalog;
        break;
      case "started":
        running = message;
        onProgress({ ...message, finished: results.length, total: catalog!.total });
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
        results.push(lostProperty(catalog!, running, message.reason));
        return { catalog: catalog!, results, isComplete: false };
    }
  }
  throw new Error("the suite's thread ended without a last word");
}

/** What the thread says; when it stops talking, that. Ends the thread when left. */
async function* messagesOf(request: Request): AsyncGenerator<Message | Lost> {
  const watch = new SilenceWatch(LOADING_SECONDS_MAX);
  const thread = startThread(request);
  try {
    const messages = on(thread, "message", { close: ["exit"], signal: watch.signal });
    for await (const [message] of messages as AsyncIterable<[Message]>) {
      watch.restart(PROPERTY_SECONDS_MAX);
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

function lostProperty(
  { properties }: Catalog,
  { property, on: kind }: Extract<Message, { kind: "started" }>,
  reason: string,
): PropertyResult {
  const title = properties.find(({ id }) => id === property)?.title ?? "";
  return { property, title, kind, outcome: "failed", reason: `the backend: ${reason}`, trace: [] };
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0]!;
}
