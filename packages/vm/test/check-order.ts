/** Every way in which a call can be wrong, alone and together with each other one: the documented first one is reported. */
import { statusName, type Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import type { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import {
  build,
  goodSituation,
  type Origin,
  type Situation,
  type Trait,
  type View,
  type Wrong,
} from "./object-situation.ts";
import { createSmallSystem } from "./small-system.ts";

export interface Row {
  readonly rule: string;
  readonly call: string;
  readonly views?: readonly View[];
  /** Of what the call succeeds on. */
  readonly origin?: Origin;
  readonly traits?: readonly Trait[];
  readonly act: (object: VmObjectPaged, situation: Situation) => Status;
  /** In the documented order. */
  readonly wrongs: readonly Wrong[];
}

export function wrong(name: string, status: Status, spoiler: Wrong["spoil"]): Wrong {
  return { name, status, spoil: spoiler };
}

/** Something that is wrong with the call whatever else is. */
export function always(name: string, status: Status): Wrong {
  return { name, status, spoil: () => {}, isAlways: true };
}

const EVERYONE: readonly View[] = ["owner", "slice", "reference"];

/** Defines the tests of a table. */
export function testCheckOrder(rows: readonly Row[]): void {
  describe.each(rows)(
    "$rule $call",
    ({ origin = "anonymous", views = EVERYONE, traits = [], act, wrongs }) => {
      const pairs = wrongs.flatMap((one, index) =>
        wrongs.slice(index).map((other) => ({ one, other })),
      );
      const cases = views.flatMap((view) =>
        pairs
          .filter((pair) => isPossible(view, pair.one, pair.other))
          .map((pair) => ({ view, ...pair })),
      );

      test.each(cases)("of the $view, $one.name and $other.name", ({ view, one, other }) => {
        const { system } = createSmallSystem();
        const situation = goodSituation(origin, view, traits);
        one.spoil(situation);
        if (other !== one) other.spoil(situation);
        const object = build(system, situation);
        const before = [object.dump(), system.pmm.liveCount];
        const reported = wrongs.find(
          (each) => each.isAlways === true || each === one || each === other,
        )!;
        expect(statusName(act(object, situation))).toBe(statusName(reported.status));
        expect([object.dump(), system.pmm.liveCount]).toEqual(before);
        system.locks.assertNoneHeld("the end of the call");
      });

      const isEverRight = wrongs.every(({ isAlways }) => isAlways !== true);
      test.each(isEverRight ? views : [])("of the %s, nothing", (view) => {
        const { system } = createSmallSystem();
        const situation = goodSituation(origin, view, traits);
        expect(statusName(act(build(system, situation), situation))).toBe("OK");
      });
    },
  );
}

/** What cannot be wrong with the same object or the same argument. */
const EXCLUSIVE: readonly (readonly string[])[] = [
  ["contiguous", "cloned"],
  ["contiguous", "discardable"],
  ["contiguous", "a pager's"],
  ["a pager's", "discardable"],
  ["empty", "more than a page"],
  ["not a pager's", "detached"],
  ["not discardable", "discarded"],
];

function isPossible(view: View, one: Wrong, other: Wrong): boolean {
  const names = [one.name, other.name];
  if (one !== other && EXCLUSIVE.some((pair) => pair.every((name) => names.includes(name))))
    return false;
  // Discardable objects have no views, and contiguous ones no references.
  if (names.includes("discarded") && view !== "owner") return false;
  return !(names.includes("contiguous") && view === "reference");
}
