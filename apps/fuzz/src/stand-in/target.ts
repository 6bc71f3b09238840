/** A small target with planted faults, for tests of the engine and the campaign. */
import { openProgram } from "../minimise/open-program.ts";
import { UnusableOptions, type Failure, type FuzzTarget, type TargetOptions } from "../target.ts";
import { force, turn, type LockState } from "./package-under-test/combination-lock.ts";

/** Quirks: which of the planted faults are on. */
const FAULTS = ["opens-too-early", "throws", "hangs", "aborts"];

export function createStandIn({ arches, quirks, stateMap }: TargetOptions): FuzzTarget {
  const unknown = quirks.find((quirk) => !FAULTS.includes(quirk));
  if (unknown !== undefined) throw new UnusableOptions(`unknown quirk ${unknown}`);
  const cells = stateMap?.(8) ?? new Uint8Array(8);
  const sometimes = { "lock opened": 0, "wheel turned back": 0 };
  const stats = { runs: 0, operations: 0, skipped: 0, sometimes };

  function runBytes(data: Uint8Array): Failure | null {
    let state: LockState = "closed";
    for (const [index, value] of data.entries()) {
      stats.operations++;
      state = turn(state, value);
      cells[state.length] = 1;
      if (quirks.includes("throws")) force(value);
      if (state !== "open") continue;
      sometimes["lock opened"]++;
      if (quirks.includes("hangs")) for (;;);
      if (quirks.includes("aborts")) process.abort();
      return quirks.includes("opens-too-early") ? opened(data.subarray(0, index + 1)) : null;
    }
    return null;
  }

  function opened(turned: Uint8Array): Failure {
    return {
      rule: "S-1",
      operation: "turn",
      arch: arches.join(","),
      frame: "turn",
      message: "the lock opened after three wheels",
      trace: JSON.stringify([...turned]) + "\n",
    };
  }

  return {
    name: "stand-in",
    decoderVersion: 1,
    stats,
    run(data) {
      stats.runs++;
      return runBytes(data);
    },
    replay: (trace) => runBytes(turnsOf(trace)),
    open: (trace) =>
      openProgram(
        { operations: [...turnsOf(trace)], checkEvery: 1 },
        { run: ({ operations }) => runBytes(Uint8Array.from(operations)), simpler: () => [] },
      ),
  };
}

/** A trace of the stand-in is the wheels that were turned, as a list of bytes. */
function turnsOf(trace: string): Uint8Array {
  return Uint8Array.from(JSON.parse(trace) as number[]);
}
