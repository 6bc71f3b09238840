/** Minimises in a thread of its own, which can be stopped at any moment; the smallest program so far is kept. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Refused } from "../campaign/prepared-campaign.ts";
import type { TargetEntry } from "../campaign/target-registry.ts";
import type { Minimised, MinimiseRequest, Smallest } from "./minimise.ts";

/** What to minimise, and on which target. */
export interface ThreadRequest extends MinimiseRequest {
  readonly entry: Pick<TargetEntry, "name" | "module" | "factory">;
  readonly arches: readonly string[];
  readonly quirks: readonly string[];
}

export type ThreadMessage =
  | { readonly kind: "smallest"; readonly smallest: Smallest }
  | { readonly kind: "end"; readonly end: Minimised }
  | Refused;

export interface MinimiseSurroundings {
  /** Stops the search when aborted. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (smallest: Smallest) => void;
}

/** It was stopped before the trace had been seen to fail twice. */
export interface Stopped {
  readonly kind: "stopped";
}

/** What `minimise` answers, or the smallest program so far when stopped. */
export async function minimiseApart(
  { entry: { name, module, factory }, ...request }: ThreadRequest,
  { signal, onProgress }: MinimiseSurroundings = {},
): Promise<Minimised | Stopped | Refused> {
  if (signal?.aborted) return { kind: "stopped" };
  const workerData = { ...request, entry: { name, module, factory } };
  const thread = new Worker(new URL("./minimise-thread.ts", import.meta.url), { workerData });
  let last: Minimised | Stopped | Refused = { kind: "stopped" };
  thread.on("message", (message: ThreadMessage) => {
    if (message.kind === "smallest") onProgress?.((last = message.smallest));
    else last = message.kind === "end" ? message.end : message;
  });
  const stop = (): void => void thread.terminate();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await once(thread, "exit");
    return last;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
