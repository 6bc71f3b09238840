/**
 * The thread that runs the suite. A backend from outside may loop, print or end its process; here
 * it can do all that without taking the terminal's thread along.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Architecture } from "@aspace/arch";
import { conform, PROPERTIES, type Property } from "@aspace/arch-conformance";
import { architectureNamed } from "../architecture-names.ts";
import { quirksNamed } from "../quirk-names.ts";
import { badInput, Refusal } from "../refusal.ts";
import { loadForeignBackend } from "./foreign-backend.ts";
import type { Message, Request } from "./message.ts";

try {
  await serve(workerData as Request);
  send({ kind: "done" });
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  send({ kind: "refused", reason: error.message });
}

async function serve(request: Request): Promise<void> {
  const architecture = await loadSubject(request);
  const quirks = quirksNamed(request.quirks, [architecture]);
  const properties = propertiesNamed(request.properties);
}

function send(message: Message): void {
  parentPort!.postMessage(message);
}
