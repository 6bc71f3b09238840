import { describe, expect, it } from "vitest";
import { createSmallSystem, type SmallSystem } from "../../test/small-system.ts";
import { SmallWorld, type WorldStep } from "../../test/small-world.ts";

/** Every step that one of the first `nodes` nodes, of about two pages, can take. */
function stepsOf(nodes: number): WorldStep[] {
  return Array.from({ length: nodes }, (_, node): WorldStep[] => [
    { kind: "write", node, page: 0 },
    { kind: "write", node, page: 1 },
    { kind: "clone", node, page: 0, count: 2 },
    { kind: "clone", node, page: 1, count: 2 },
    { kind: "zero", node, page: 0, count: 1 },
    { kind: "zero", node, page: 1, count: 1 },
    { kind: "resize", node, size: 1 },
    { kind: "resize", node, size: 2 },
    { kind: "destroy", node },
  ]).flat();
}

/** Plays a history in a world of its own; checks after the last step and while the nodes end. */
function play(small: SmallSystem, history: readonly WorldStep[]): void {
  const world = new SmallWorld(small);
  world.begin(2);
  for (const step of history) world.advance(step);
  world.check();
  world.end();
}

/** All sequences of `length` steps, behind the same beginning. */
function* histories(
  beginning: readonly WorldStep[],
  steps: readonly WorldStep[],
  length: number,
): Generator<WorldStep[]> {
  const total = steps.length ** length;
  for (let number = 0; number < total; number++) {
    const history = [...beginning];
    for (let rest = number, i = 0; i < length; i++, rest = Math.floor(rest / steps.length)) {
      history.push(steps[rest % steps.length]!);
    }
    yield history;
  }
}

const FILLED: readonly WorldStep[] = [
  { kind: "write", node: 0, page: 0 },
  { kind: "write", node: 0, page: 1 },
];
const SNAPSHOT: readonly WorldStep[] = [...FILLED, { kind: "clone", node: 0, page: 0, count: 2 }];
const SHIFTED: readonly WorldStep[] = [...FILLED, { kind: "clone", node: 0, page: 1, count: 2 }];

describe("small worlds, all of them", () => {
  const worlds: readonly [string, readonly WorldStep[], number][] = [
    ["a filled node", FILLED, 3],
    ["a node and its snapshot", SNAPSHOT, 3],
    ["a node and a snapshot of its second page and what follows", SHIFTED, 3],
  ];

  it.each(worlds)(
    "of three steps after %s keep every property (P1-P8, P9, P10, P12)",
    (_name, beginning, length) => {
      const small = createSmallSystem({ frames: 60 });
      const { system } = small;
      let played = 0;
      for (const history of histories(beginning, stepsOf(3), length)) {
        play(small, history);
        played++;
      }
      expect(played).toBe(27 ** length);
      system.compressor.disarm();
      expect(system.pmm.liveCount).toBe(0);
    },
  );
});

/** All orders of `0..count - 1`. */
function orders(count: number): number[][] {
  if (count === 0) return [[]];
  return orders(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, at) => order.toSpliced(at, 0, count - 1)),
  );
}

describe("a chain of four snapshots", () => {
  const windows: readonly [string, readonly WorldStep[]][] = [
    ["of everything", [0, 1, 2].map((node) => ({ kind: "clone", node, page: 0, count: 2 }))],
    ["that overlap in part", [0, 1, 2].map((node) => ({ kind: "clone", node, page: 1, count: 2 }))],
    [
      "of the first, side by side",
      [0, 0, 0].map((node, page) => ({ kind: "clone", node, page, count: 1 })),
    ],
  ];

  it.each(windows)(
    "%s, written and destroyed in every order, keeps every property (P5-P10)",
    (_name, clones) => {
      const small = createSmallSystem({ frames: 60 });
      for (const writing of orders(4)) {
        for (const ending of orders(4)) {
          const world = new SmallWorld(small);
          world.begin(2);
          for (const step of [...FILLED, ...clones]) world.advance(step);
          world.check();
          for (const node of writing) world.advance({ kind: "write", node, page: 0 });
          world.check();
          const left = [0, 1, 2, 3];
          for (const node of ending) {
            world.advance({ kind: "destroy", node: left.indexOf(node) });
            left.splice(left.indexOf(node), 1);
            world.check();
          }
          world.end();
        }
      }
      small.system.compressor.disarm();
      expect(small.system.pmm.liveCount).toBe(0);
    },
  );
});
