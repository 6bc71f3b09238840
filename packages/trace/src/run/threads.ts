import { Thread, ThreadState } from "@aspace/kernel";
import { RequestType, type Blocking } from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import { Unplayable } from "./unplayable.ts";

const WAITS = {
  [RequestType.READ]: "READ",
  [RequestType.DIRTY]: "DIRTY",
  [RequestType.MEMORY]: "MEMORY",
} as const;

/** Operations that wait, by the name of who waits. Which of them goes on is the trace's choice. */
export class Threads {
  private readonly waiting = new Map<string, Thread<Seen>>();

  get count(): number {
    return this.waiting.size;
  }

  /** Runs an operation until it ends or waits. Without a name it gives up instead of waiting. */
  start(name: string | undefined, operation: Blocking<Seen>): Seen {
    if (name !== undefined && this.waiting.has(name)) {
      throw new Unplayable(`thread: '${name}' still waits`);
    }
    const thread = new Thread(name ?? "unnamed", operation);
    const seen = goOn(thread);
    if (seen.blocked === undefined) return seen;
    if (name === undefined) thread.kill();
    else this.waiting.set(name, thread);
    return seen;
  }

  /** Lets a thread go on, if what it waits for has come. */
  run(name: string): Seen {
    const thread = this.find(name);
    const seen = goOn(thread);
    if (seen.blocked === undefined) this.waiting.delete(name);
    return seen;
  }

  timeOut(name: string): Seen {
    this.find(name).awaits?.timeOut();
    return this.run(name);
  }

  kill(name: string): void {
    this.find(name).kill();
    this.waiting.delete(name);
  }

  private find(name: string): Thread<Seen> {
    const thread = this.waiting.get(name);
    if (thread === undefined) throw new Unplayable(`thread: nobody named '${name}' waits`);
    return thread;
  }
}

function goOn(thread: Thread<Seen>): Seen {
  while (thread.state === ThreadState.READY) thread.run();
  return thread.state === ThreadState.DONE
    ? thread.result
    : { blocked: WAITS[thread.awaits!.type] };
}
