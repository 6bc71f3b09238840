/** Each oracle is shown a backend that does something wrong, and has to name the rule (F-11, F-14). */
import { describe, expect, test } from "vitest";
import {
  Access,
  AccessedCheck,
  AspaceKind,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  Status,
  type ArchVmAspace,
  type Architecture,
  type Hardware,
  type TableFrames,
} from "@aspace/arch";
import { arm64 } from "@aspace/arch-arm64";
import { x86_64 } from "@aspace/arch-x86-64";
import type { Failure } from "../../target.ts";
import { MAX_OPERATIONS } from "./decode.ts";
import { MAX_TABLE_FRAMES } from "./frames.ts";
import { lyingBackend, type AspaceLies } from "./lying-backend.ts";
import type { Operation, Program } from "./operation.ts";
import { checkSameAnswers } from "./oracle.ts";
import { Runner } from "./runner.ts";
import {
  URW,
  access,
  age,
  checkActive,
  everyMisuse,
  failAllocation,
  go,
  map,
  mapContiguous,
  markAccessed,
  meanwhile,
  protect,
  read,
  reclaim,
  recreate,
  unmap,
  write,
} from "./scene-operations.ts";
import { SituationCounts } from "./situations.ts";
import { STATE_CELLS, StateCells } from "./state-cells.ts";
import { accessWord } from "./word-access.ts";
import { World } from "./world.ts";

const { USER, KERNEL } = AspaceKind;
const PAGE = 512;
const LARGE = 512;
const HONEST: AspaceLies = () => ({});

function programOf(operations: readonly Operation[], aspaces = [USER, USER, KERNEL]): Program {
  const checkEvery = MAX_OPERATIONS;
  return { cpus: 2, tableFrames: MAX_TABLE_FRAMES, aspaces, checkEvery, operations };
}

function judge(backend: Architecture, operations: readonly Operation[]): Failure | null {
  const cells = new StateCells(new Uint8Array(STATE_CELLS));
  const counts = { runs: 0, operations: 0, skipped: 0 };
  const runner = new Runner([backend], [], new SituationCounts(), cells, counts);
  return runner.run(programOf(operations));
}

const judgeLies = (lies: AspaceLies, operations: readonly Operation[]): unknown => {
  expect(judge(x86_64, operations)).toBeNull();
  const failure = judge(lyingBackend(x86_64, lies), operations);
  return failure === null ? "clean" : [failure.rule, failure.operation];
};

/** Says OK and does nothing. */
const say =
  (name: keyof ArchVmAspace): AspaceLies =>
  () => ({ [name]: () => Status.OK });

/** Says that it cannot, and does nothing. */
const refuse =
  (name: keyof ArchVmAspace): AspaceLies =>
  () => ({ [name]: () => Status.NOT_SUPPORTED });

test("an honest backend behind the same wrapping is clean", () => {
  expect(judgeLies(HONEST, [map(PAGE, 2, URW), write(0, PAGE), unmap(PAGE, 2)])).toBe("clean");
});

describe("an answer that the reference does not give", () => {
  const busy = [map(PAGE, 1, URW), map(PAGE, 1, URW)];
  const busyRun = [map(PAGE, 1, URW), mapContiguous(PAGE, 1, URW)];

  test.each([
    ["P-M1", "map", say("map"), busy],
    ["P-M1", "map", refuse("map"), busy],
    ["P-B5", "mapContiguous", say("mapContiguous"), busyRun],
    ["P-U1", "unmap", refuse("unmap"), [unmap(PAGE, 1)]],
    ["P-P1", "protect", refuse("protect"), [protect(PAGE, 1, MmuFlags.READ)]],
    ["P-H1", "harvest", refuse("harvestAccessed"), [age(PAGE, 1)]],
    ["P-H8", "markAccessed", say("markAccessed"), [markAccessed(PAGE, 1)]],
    ["P-M3", "misuse", say("mapContiguous"), everyMisuse(PAGE)],
  ])("breaks %s in %s: %#", (rule, operation, lies, operations) => {
    expect(judgeLies(lies, operations)).toEqual([rule, operation]);
  });
});

describe("a change that was not asked for, or one that was not made", () => {
  test("an unmap that does nothing breaks P-U1", () => {
    expect(
      judgeLies(() => ({ unmap: () => Status.OK }), [map(PAGE, 1, URW), unmap(PAGE, 1)]),
    ).toEqual(["P-U1", "unmap"]);
  });

  test("a protect that does nothing breaks P-M2", () => {
    const operations = [map(PAGE, 1, URW), protect(PAGE, 1, MmuFlags.READ)];
    expect(judgeLies(() => ({ protect: () => Status.OK }), operations)).toEqual([
      "P-M2",
      "protect",
    ]);
  });

  test("another frame than the one asked for breaks P-M1", () => {
    expect(
      judgeLies(
        (real) => ({
          map: (vpn, pfns, count, flags, action) =>
            real.map(
              vpn,
              Array.from({ length: count }, (_, i) => pfns[i]! + 1),
              count,
              flags,
              action,
            ),
        }),
        [map(PAGE, 1, URW)],
      ),
    ).toEqual(["P-M1", "map"]);
  });

  test("a neighbour that goes too breaks P-M1", () => {
    const operations = [map(PAGE, 2, URW), unmap(PAGE, 1)];
    expect(
      judgeLies(
        (real) => ({
          unmap: (vpn, count, enlarge) => real.unmap(vpn, count + 1, enlarge),
        }),
        operations,
      ),
    ).toEqual(["P-M1", "unmap"]);
  });

  test("base pages where a large leaf fits break P-B1", () => {
    expect(
      judgeLies(
        (real) => ({
          mapContiguous: (vpn, pfn, count, flags) => {
            const pfns = Array.from({ length: count }, (_, i) => pfn + i);
            return real.map(vpn, pfns, count, flags, ExistingEntry.ERROR);
          },
        }),
        [mapContiguous(PAGE, LARGE, URW)],
      ),
    ).toEqual(["P-B1", "mapContiguous"]);
  });

  test("a mistake far from every operation is found at the end", () => {
    const operations = [map(PAGE, 30, URW), unmap(PAGE, 1)];
    expect(
      judgeLies(
        (real) => ({
          unmap: (vpn, count, enlarge) => {
            real.unmap(vpn + 20, 1, Enlarge.YES);
            return real.unmap(vpn, count, enlarge);
          },
        }),
        operations,
      ),
    ).toEqual(["P-M1", "finish"]);
  });
});

describe("ageing", () => {
  const touched = [map(PAGE, 2, URW), age(PAGE, 2), read(0, PAGE), age(PAGE, 2)];

  test("a touched page that is not reported breaks P-H1", () => {
    expect(judgeLies(() => ({ harvestAccessed: () => Status.OK }), touched)).toEqual([
      "P-H1",
      "harvest",
    ]);
  });

  test("a page reported twice breaks P-H1", () => {
    expect(
      judgeLies(
        (real, { pages }) => ({
          harvestAccessed: (vpn, count, nonTerminal, terminal) => {
            const found = { pfn: 0, flags: 0, leafShift: 0 };
            if (real.query(vpn, found) === Status.OK) pages.markAccessed(found.pfn);
            return real.harvestAccessed(vpn, count, nonTerminal, terminal);
          },
        }),
        touched,
      ),
    ).toEqual(["P-H1", "harvest"]);
  });

  test("a table in use that is dropped breaks P-H4", () => {
    const operations = [map(PAGE, 2, URW), read(0, PAGE), reclaim(PAGE, 2)];
    expect(
      judgeLies(
        (real) => ({
          harvestAccessed: (vpn, count, nonTerminal, terminal) => {
            const status = real.harvestAccessed(vpn, count, nonTerminal, terminal);
            if (nonTerminal === NonTerminalAction.FREE_UNACCESSED)
              real.unmap(vpn, count, Enlarge.YES);
            return status;
          },
        }),
        operations,
      ),
    ).toEqual(["P-H4", "harvest"]);
  });

  test("an aspace that a CPU was in and that denies it breaks P-H6", () => {
    const operations = [go(0, 0), checkActive(AccessedCheck.PEEK)];
    expect(judgeLies(() => ({ accessedSinceLastCheck: () => false }), operations)).toEqual([
      "P-H6",
      "accessedSinceLastCheck",
    ]);
  });
});

/** CPUs that no invalidation reaches. */
const deaf = (base: Architecture): Architecture =>
  lyingBackend(base, HONEST, (hardware) => ({
    ...hardware,
    bus: {
      invalidate: () => {},
      barrier: () => hardware.bus.barrier(),
      synchronizeInstructions: (pfn) => hardware.bus.synchronizeInstructions(pfn),
    },
  }));

describe("caches", () => {
  test("a translation that outlives its mapping breaks P-T1", () => {
    const operations = [map(PAGE, 2, URW), read(0, PAGE), unmap(PAGE, 1)];
    expect(judge(deaf(x86_64), operations)).toMatchObject({ rule: "P-T1", operation: "unmap" });
  });

  test("a table that is freed while a walk cache leads to it breaks P-T3", () => {
    const operations = [map(PAGE, 1, URW), read(0, PAGE + 1), map(PAGE + 1, 1, URW)];
    const freeing = [...operations, read(0, PAGE), unmap(PAGE, 2)];
    expect(judge(deaf(x86_64), freeing)?.rule).toBe("P-T3");
  });

  test("what a CPU kept about an aspace it left is judged when it comes back", () => {
    const cells = new StateCells(new Uint8Array(STATE_CELLS));
    const counts = { runs: 0, operations: 0, skipped: 0 };
    const runner = new Runner([x86_64], ["H14"], new SituationCounts(), cells, counts);
    const operations = [
      go(0, 0),
      map(0, 1, MmuFlags.READ, { aspace: 2 }),
      access(0, 0, Access.KERNEL_READ, 2),
      go(0, 1),
      unmap(0, 1, Enlarge.YES, 2),
    ];
    expect(runner.run(programOf(operations))).toMatchObject({ rule: "P-T3", operation: "finish" });
  });

  test("a gap that opens beside the range breaks P-B6", () => {
    const operations = [
      mapContiguous(PAGE, LARGE, URW),
      write(1, PAGE + 8),
      meanwhile(1, PAGE + 8, Access.COPY_READ),
      unmap(PAGE, 1, Enlarge.NO),
    ];
    expect(
      judgeLies(
        (real) => ({
          unmap: (vpn, count, enlarge) =>
            enlarge === Enlarge.NO
              ? real.unmap(vpn, LARGE, Enlarge.YES)
              : real.unmap(vpn, count, enlarge),
        }),
        operations,
      ),
    ).toEqual(["P-B6", "unmap"]);
  });

  test("a word that is not the last one stored breaks P-M8 (F-9)", () => {
    const world = new World(x86_64, new Set());
    world.start(programOf([], [USER]));
    const resident = world.residents[0]!;
    const outcome = { status: null, slot: -1, vpn: 0, count: 0, gated: false };
    const stage = { world, situations: new SituationCounts(), outcome };
    const mapping = map(PAGE, 1, URW) as Extract<Operation, { kind: "map" }>;
    const vpn = resident.vpnOf(PAGE);
    resident.aspace.map(vpn, [mapping.pfn], 1, URW, ExistingEntry.ERROR);
    resident.reference.map(vpn, [mapping.pfn], 1, URW, ExistingEntry.ERROR, null);
    const touch = { kind: "access", cpu: 0, aspace: 0, page: PAGE } as const;
    accessWord(stage, resident, { ...touch, access: Access.USER_WRITE }, 1);
    accessWord(stage, resident, { ...touch, access: Access.USER_READ }, 2);
    world.machine.memory.words.fill(7, mapping.pfn * 1024, (mapping.pfn + 1) * 1024);
    expect(() => accessWord(stage, resident, { ...touch, access: Access.USER_READ }, 3)).toThrow(
      /reads 0x7000/,
    );
  });
});

const withTables = (tables: (real: TableFrames) => TableFrames): Architecture =>
  lyingBackend(x86_64, HONEST, (hardware: Hardware) => ({
    ...hardware,
    tables: tables(hardware.tables),
  }));

describe("memory", () => {
  test("a table that is never freed breaks P-R1", () => {
    const leaky = withTables((real) => ({ allocate: () => real.allocate(), free: () => {} }));
    const operations = [map(PAGE, 1, URW), unmap(PAGE, 1)];
    expect(judge(leaky, operations)).toMatchObject({ rule: "P-R1", operation: "unmap" });
  });

  test("an aspace that keeps its tables when it is destroyed breaks P-L1", () => {
    expect(judgeLies(() => ({ destroy: () => {} }), [])).toEqual(["P-L1", "finish"]);
  });

  test("tables that are left over when nothing is mapped break P-U5", () => {
    expect(
      judgeLies(
        (real, { tables }) => {
          let extra = 0;
          return {
            unmap: (vpn, count, enlarge) => {
              if (extra++ === 0) tables.allocate();
              return real.unmap(vpn, count, enlarge);
            },
            tablePages: () => real.tablePages() + Math.min(extra, 1),
          };
        },
        [map(PAGE, 1, URW), unmap(PAGE, 1)],
      ),
    ).toEqual(["P-U5", "finish"]);
  });

  test("an init that fails and keeps a frame breaks P-L3; one that fails without need, P-L6", () => {
    let inits = 0;
    expect(
      judgeLies(
        (real, { tables }) => ({
          init: () => (++inits % 3 === 0 ? (tables.allocate(), Status.NO_MEMORY) : real.init()),
        }),
        [recreate(0)],
      ),
    ).toEqual(["P-L3", "recreate"]);
    inits = 0;
    expect(
      judgeLies(
        (real) => ({
          init: () => (++inits % 3 === 0 ? Status.NO_RESOURCES : real.init()),
        }),
        [recreate(0)],
      ),
    ).toEqual(["P-L6", "recreate"]);
  });

  test("a map that stops for want of memory it did not need breaks P-M1", () => {
    const operations = [failAllocation(1), unmap(PAGE, 1), map(PAGE, 1, URW)];
    expect(judge(x86_64, operations)).toBeNull();
    expect(
      judge(
        lyingBackend(x86_64, () => ({ map: () => Status.NO_MEMORY })),
        operations,
      ),
    ).toMatchObject({ rule: "P-M1" });
  });
});

function worlds(): World[] {
  return [x86_64, arm64].map((architecture) => {
    const world = new World(architecture, new Set());
    world.start(programOf([], [USER]));
    return world;
  });
}

const answers = (pair: readonly World[], statuses: readonly Status[], gated = false) =>
  pair.map((world, which) => ({
    status: statuses[which]!,
    slot: 0,
    vpn: world.residents[0]!.vpnOf(PAGE),
    count: 1,
    gated,
  }));

describe("two architectures (P-X1)", () => {
  test("that answer differently break it, unless a capability decides", () => {
    const pair = worlds();
    const differing = [Status.OK, Status.NOT_SUPPORTED];
    expect(() => checkSameAnswers(pair, answers(pair, differing))).toThrow(/answered OK/);
    expect(() => checkSameAnswers(pair, answers(pair, differing, true))).not.toThrow();
  });

  test("that map different frames break it", () => {
    const pair = worlds();
    for (const [which, world] of pair.entries()) {
      const { aspace } = world.residents[0]!;
      aspace.map(aspace.baseVpn + PAGE, [0x200 + which], 1, URW, ExistingEntry.ERROR);
    }
    expect(() => checkSameAnswers(pair, answers(pair, [Status.OK, Status.OK]))).toThrow(/disagree/);
  });
});

test("an exception of the backend is a finding with the function it came from (F-14, F-18)", () => {
  const failure = judge(
    lyingBackend(x86_64, () => ({
      map: () => {
        throw new TypeError("undefined is not a table");
      },
    })),
    [map(PAGE, 1, URW)],
  );
  expect(failure).toMatchObject({ rule: "F-14", operation: "map", arch: "x86-64" });
  expect(failure!.message).toContain("not a table");
});
