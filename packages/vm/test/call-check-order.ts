/** Every way in which a call of a process can be wrong, alone and with each other one: the documented first one is reported. */
import { Status, statusName } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { Scene, situation, type Situation, type Trait } from "./call-situation.ts";

/** Something wrong with a call, and the status that it is refused with. */
export interface Wrong {
  readonly name: string;
  readonly status: Status;
  readonly spoil: (call: Situation) => void;
  /** Mappings before the refused one keep what was done to them (I-37). */
  readonly leavesPrefix?: boolean;
}

export interface Row {
  readonly rules: string;
  readonly call: string;
  /** What the call succeeds with. */
  readonly good: Partial<Situation>;
  readonly act: (scene: Scene) => Status;
  /** In the documented order. */
  readonly wrongs: readonly Wrong[];
}

export function wrong(name: string, status: Status, spoil: Wrong["spoil"]): Wrong {
  return { name, status, spoil };
}

/** Wrong by an option, or several, being there. */
export function withOptions(name: string, status: Status, options: number): Wrong {
  return wrong(name, status, (call) => void (call.options = (call.options | options) >>> 0));
}

export function trait(name: Trait, status: Status): Wrong {
  return wrong(name, status, ({ traits }) => void traits.add(name));
}

/** Defines the tests of a table. */
export function testCheckOrder(rows: readonly Row[]): void {
  describe.each(rows)("$rules: $call", ({ good, act, wrongs }) => {
    const freshCall = (): Situation => ({ ...situation(good), traits: new Set(good.traits) });

    test("succeeds with nothing wrong", () => {
      const scene = new Scene(freshCall());
      expect(statusName(act(scene))).toBe("OK");
      scene.world.validate();
    });

    test.each(wrongs)("I-36: $name goes before all that is listed after it", (one) => {
      for (const other of wrongs.slice(wrongs.indexOf(one))) {
        const call = freshCall();
        // Where both spoil the same argument, the first has the last word.
        if (other !== one) other.spoil(call);
        one.spoil(call);
        const scene = new Scene(call);
        const before = scene.describe();
        const what = `${one.name} and ${other.name}`;
        expect(`${what}: ${statusName(act(scene))}`).toBe(`${what}: ${statusName(one.status)}`);
        if (one.leavesPrefix !== true) expect(scene.describe(), what).toBe(before);
        else scene.world.validate();
        scene.world.system.memory.locks.assertNoneHeld("the end of the call");
      }
    });
  });
}
