/**
 * The thread that minimises. A smaller program may run for ever where the larger one failed; here that keeps nobody
 * from stopping it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { loadTarget } from "../campaign/prepared-campaign.ts";
import { UnreadableTrace, UnusableOptions } from "../target.ts";
import { minimise } from "./minimise.ts";
import type { ThreadMessage, ThreadRequest } from "./minimise-apart.ts";

const MESSAGE_EVERY_RUNS = 50;

send(await serve(workerData as ThreadRequest));

async function serve({ entry, arches, quirks, ...request }: ThreadRequest): Promise<ThreadMessage> {
  const target = await loadTarget(entry, { arches, quirks });
  if ("kind" in target) return target;
  try {
    const search = minimise((trace) => target.open(trace), request);
    let operations = Number.POSITIVE_INFINITY;
    for (;;) {
      const { value, done } = search.next();
      if (done) return { kind: "end", end: value };
      if (value.operations === operations && value.runs % MESSAGE_EVERY_RUNS !== 0) continue;
      operations = value.operations;
      send({ kind: "smallest", smallest: value });
    }
  } catch (error) {
    const isTraceAtFault = error instanceof UnreadableTrace || error instanceof UnusableOptions;
    if (!isTraceAtFault) throw error;
    return { kind: "refused", status: 2, reason: error.message };
  }
}

function send(message: ThreadMessage): void {
  parentPort!.postMessage(message, []);
}
