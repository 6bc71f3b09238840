import { type Architecture, Enlarge } from "@aspace/arch";
import { tiny, tinyStrict } from "@aspace/arch-tiny";
import { describe, expect, test } from "vitest";
import type { CheckedAspace } from "./checked-aspace.ts";
import { RO, RW, readOf, userOf } from "./touch.ts";
import { World } from "./world.ts";

/**
 * A world small enough to exhaust: every sequence of `LENGTH` operations, from an empty aspace, in a
 * window around one leaf of 8 pages and its edges. Every prefix is a sequence too, so each sequence
 * judges its last operation only, with warm caches.
 */
const LENGTH = 4;

type Step = (subject: CheckedAspace, world: World) => unknown;

const at = (world: World, page: number): number => world.origin + page;

const mapPages =
  (page: number, count: number, action: "error" | "skip" | "upgrade"): Step =>
  (subject, world) =>
    subject.map(at(world, page), world.pages(count), RW | userOf(subject), action);

const mapLarge =
  (page: number, count: number): Step =>
  (subject, world) =>
    subject.mapContiguous(at(world, page), LARGE_FRAMES + page, count, RW | userOf(subject));

const unmap =
  (page: number, count: number, enlarge: Enlarge): Step =>
  (subject, world) =>
    subject.unmap(at(world, page), count, enlarge);

const writeProtect =
  (page: number, count: number): Step =>
  (subject, world) =>
    subject.protect(at(world, page), count, readOf(RO) | userOf(subject));

const freeUnaccessed: Step = (subject, world) =>
  subject.harvest(at(world, 0), 16, "free-unaccessed", "update-age-and-harvest");

/** The next allocation is refused during the step. */
const withoutMemory =
  (step: Step): Step =>
  (subject, world) => {
    const { failures } = world.machine.tables;
    failures.failAt(1);
    step(subject, world);
    failures.failNever();
  };

/** Device frames, aligned to the largest leaf. */
const LARGE_FRAMES = 2 ** 20;

const STEPS: readonly Step[] = [
  mapPages(0, 1, "upgrade"),
  mapPages(7, 2, "error"),
  mapPages(7, 2, "skip"),
  mapLarge(0, 8),
  mapLarge(0, 64),
  unmap(7, 1, Enlarge.YES),
  unmap(0, 1, Enlarge.NO),
  unmap(8, 60, Enlarge.YES),
  writeProtect(6, 4),
  freeUnaccessed,
  withoutMemory(mapPages(7, 2, "upgrade")),
  withoutMemory(unmap(7, 2, Enlarge.YES)),
];

/** Pages that are cached, if mapped, before the last step. */
const WARM = [0, 7, 8, 63];

function exhaust(architecture: Architecture): number {
  const options = { architecture, kind: "user", quirks: new Set<string>(), tagLimit: 4 } as const;
  const world = new World({ ...options, trace: [] });
  const { subject } = world;
  const total = STEPS.length ** LENGTH;
  for (let number = 0; number < total; number++) {
    subject.isJudging = false;
    for (let place = LENGTH - 1; place > 0; place--) stepAt(number, place)(subject, world);
    subject.isJudging = true;
    for (const page of WARM) subject.observer.accessAll(world.seers[0]!, at(world, page));
    try {
      stepAt(number, 0)(subject, world);
      for (const page of WARM) subject.observer.accessAll(world.seers[1]!, at(world, page));
    } catch (error) {
      throw new Error(`sequence ${number}:\n${world.options.trace.join("\n")}`, { cause: error });
    }
    subject.isJudging = false;
    subject.clear();
    world.options.trace.length = 0;
  }
  return total;
}

/** Which step stands where in a sequence: its number's digits, base the number of steps. */
function stepAt(number: number, place: number): Step {
  return STEPS[Math.floor(number / STEPS.length ** place) % STEPS.length]!;
}

describe(`every sequence of ${LENGTH} operations on a tiny aspace`, () => {
  test.each([tiny, tinyStrict])(
    "agrees with the reference on $name (P-ALL)",
    (architecture) => {
      expect(exhaust(architecture)).toBe(STEPS.length ** LENGTH);
    },
    60_000,
  );
});
