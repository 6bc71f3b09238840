/**
 * The thread that runs the suite. A backend from outside may loop, print or end its process; here
 * it can do all that without taking the terminal's thread along.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Architecture, AspaceKind } from "@aspace/arch";
import { conform, PROPERTIES } from "@aspace/arch-conformance";
import { BACKENDS } from "@aspace/backends";
import { architectureNamed } from "../architecture-names.ts";
import { quirksNamed } from "../quirk-names.ts";
import { badInput, Refusal } from "../refusal.ts";
import { loadForeignBackend } from "./foreign-backend.ts";
import type { Case, Message, Request } from "./message.ts";

interface Topic {
  readonly id: string;
  readonly title: string;
  readonly kinds: readonly AspaceKind[];
}

/** All properties. The suite keeps the one that compares backends apart from those that judge one. */
const TOPICS: readonly Topic[] = [
  ...PROPERTIES,
  {
    id: "P-X1",
    title: "the same script has the same statuses and answers on every backend",
    kinds: ["user", "kernel", "guest"],
  },
];

try {
  await serve(workerData as Request);
  send({ kind: "done" });
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  send({ kind: "refused", reason: error.message });
}

async function serve(request: Request): Promise<void> {
  const architecture = await loadSubject(request);
  const { name, title } = architecture;
  // Copied field by field: a quirk from outside may hold what cannot be sent.
  const quirks = architecture.quirks.map(({ id, name: called, summary, kinds }) => {
    return { id, name: called, summary, kinds: [...kinds] };
  });
  const quirksOn = quirksNamed(request.quirks, [architecture]).map(({ id }) => id);
  const cases = casesOf(request);
  send({ kind: "ready", catalog: { name, title, cases, quirks, quirksOn } });
  if (request.job === "list") return;

  const others = BACKENDS.filter((backend) => backend !== architecture);
  for (const each of cases) {
    send({ kind: "started", case: each });
    conform(architecture, {
      quirks: new Set(quirksOn),
      kinds: [each.kind],
      properties: new Set([each.id]),
      seed: request.seed,
      others,
      onResult: (result) => send({ kind: "result", result }),
    });
  }
}

async function loadSubject({ subject }: Request): Promise<Architecture> {
  if (subject.kind === "registered") return architectureNamed(subject.name);
  return loadForeignBackend(subject.url, subject.path);
}

function casesOf({ properties, kinds }: Request): Case[] {
  const wanted = properties.map(topicNamed);
  return TOPICS.filter((topic) => wanted.length === 0 || wanted.includes(topic)).flatMap((topic) =>
    topic.kinds
      .filter((kind) => kinds.includes(kind))
      .map((kind) => ({ id: topic.id, title: topic.title, kind })),
  );
}

function topicNamed(id: string): Topic {
  const found = TOPICS.find((topic) => topic.id.toLowerCase() === id.toLowerCase());
  if (found !== undefined) return found;
  const known = TOPICS.map((topic) => topic.id).join(", ");
  throw badInput(`unknown property '${id}'; there is: ${known}`);
}

function send(message: Message): void {
  parentPort!.postMessage(message, []);
}
