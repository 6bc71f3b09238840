import type { Pfn } from "@aspace/arch";
import {
  HintAction,
  Queue,
  beginCompression,
  dedupZeroPage,
  finishCompression,
  reclaimPage,
  scanStep,
} from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import type { MEMORY_OPERATIONS } from "../format/memory-operations.ts";
import type { Hex, When } from "../format/values.ts";
import { OK, answer } from "./answers.ts";
import type { Handlers, World } from "./world.ts";

/** What decides which attempts fail. */
interface FailurePlan {
  failAt(n: number): void;
  failAlways(): void;
  failNever(): void;
}

/** Queues by the words that traces use for them. */
const QUEUE_NAMES: ReadonlyMap<Queue, string> = new Map(
  Object.entries(Queue).map(([name, queue]) => [queue, name.toLowerCase().replaceAll("_", "-")]),
);

export const memoryHandlers: Handlers<typeof MEMORY_OPERATIONS> = {
  "memory.reclaim": (world, { vmo, offset, hint }) =>
    onFrame(world, vmo, offset, (frame) =>
      reclaimPage(world.memory, frame, hint ?? HintAction.FOLLOW),
    ),
  "memory.dedup": (world, { vmo, offset }) =>
    onFrame(world, vmo, offset, (frame) => dedupZeroPage(world.memory, frame)),
  "memory.queue": (world, { vmo, offset }) =>
    onFrame(world, vmo, offset, (frame) => QUEUE_NAMES.get(world.memory.queues.queueOf(frame))!),
  "memory.scan": (world, { zeroForkPages, reclaimPages, minAge }) => {
    const { deduplicated, reclaimed } = scanStep(world.memory, {
      zeroForkPages: zeroForkPages ?? 0,
      reclaimPages: reclaimPages ?? 0,
      minAge: minAge ?? 0,
    });
    return { ...OK, counts: { deduplicated, reclaimed } };
  },
  "memory.rotate": (world) => {
    world.memory.queues.rotate();
    return OK;
  },
  "memory.mark-accessed": (world, { vmo, offset }) =>
    onFrame(world, vmo, offset, (frame) => {
      world.memory.queues.markAccessed(frame);
      return true;
    }),
  "compression.arm": (world) => answer(world.memory.compressor.arm()),
  "compression.disarm": (world) => {
    world.memory.compressor.disarm();
    return OK;
  },
  "compression.begin": (world, { as, vmo, offset }) => {
    world.names.assertFree(as);
    return onFrame(world, vmo, offset, (frame) => {
      const { pages } = world.memory.pmm;
      const node = pages.node[frame]!;
      const { lock } = node.hierarchy;
      lock.acquire();
      const compression = beginCompression(node, pages.offset[frame]!);
      lock.release();
      if (compression === null) return false;
      world.names.define(as, { kind: "compression", value: compression });
      return true;
    });
  },
  "compression.finish": (world, { compression: name }) => {
    const compression = world.names.find("compression", name);
    world.names.forget(name);
    const { lock } = compression.node.hierarchy;
    lock.acquire();
    const value = finishCompression(compression);
    lock.release();
    return { ...OK, value };
  },
  "memory.low": (world, { low }) => {
    world.memory.pmm.setLow(low);
    return OK;
  },
  "memory.service": (world) => {
    world.memory.pmm.serviceWaiters();
    return OK;
  },
  "memory.fail": (world, { what, when }) => {
    const { memory, kernel } = world;
    const plans: Readonly<Record<typeof what, FailurePlan>> = {
      memory: memory.pmm.failures,
      tables: kernel.machine.tables.failures,
      compressions: memory.compressor.failures,
    };
    return plan(plans[what], when);
  },
  "memory.delay": (world, { when }) => plan(world.memory.pmm.delays, when),
  "memory.counts": (world) => ({ ...OK, counts: countsOf(world) }),
  "thread.run": (world, { thread }) => world.threads.run(thread),
  "thread.time-out": (world, { thread }) => world.threads.timeOut(thread),
  "thread.kill": (world, { thread }) => {
    world.threads.kill(thread);
    return OK;
  },
  validate: (world) => {
    world.validate();
    return OK;
  },
};

/** Answers something about the page behind an offset; NOT_FOUND when there is none. */
function onFrame(
  world: World,
  vmo: string,
  offset: Hex,
  ask: (frame: Pfn) => string | boolean,
): Seen {
  const frame = world.frameBehind(vmo, offset);
  return frame === null ? { status: "NOT_FOUND" } : { ...OK, value: ask(frame) };
}

function plan(failures: FailurePlan, when: When): Seen {
  if (when === "always") failures.failAlways();
  else if (when === "never") failures.failNever();
  else failures.failAt(when);
  return OK;
}

function countsOf({ memory, kernel }: World): Readonly<Record<string, number>> {
  const { pmm, compressor, queues } = memory;
  const counts: Record<string, number> = {
    free: pmm.freeCount,
    live: pmm.liveCount,
    stored: compressor.liveCount,
    tables: kernel.machine.tables.live,
  };
  for (const [queue, name] of QUEUE_NAMES) {
    if (queue !== Queue.NONE) counts[name] = queues.countOf(queue);
  }
  return counts;
}
