import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { draw, frameWith, pagerScene, values, type PagerScene } from "../../test/pager-scene.ts";
import { run } from "../../test/small-system.ts";
import { LazyPageRequest, RequestType } from "./page-request.ts";
import { AllocationPolicy } from "./pmm.ts";
import { MARKER_SLOT, pageSlot, referenceSlot } from "./slot.ts";
import { SpliceList } from "./splice-list.ts";
import { supplyPages } from "./supply.ts";

const { CAN_WAIT } = AllocationPolicy;

/** A list from a drawing: P a page with 200 + position, R the same compressed, M a marker, "." nothing. */
function listOf({ system }: PagerScene, drawing: string): SpliceList {
  const list = new SpliceList(system, drawing.length);
  for (const [at, letter] of [...drawing].entries()) {
    if (letter === ".") continue;
    if (letter === "M") {
      list.put(at, MARKER_SLOT);
      continue;
    }
    const frame = frameWith(system, 200 + at);
    if (letter === "P") {
      list.put(at, pageSlot(frame));
      continue;
    }
    list.put(at, referenceSlot(system.compressor.compress(frame)));
    system.pmm.free(frame);
  }
  return list;
}

function read({ source }: PagerScene, page: number, count: number): LazyPageRequest {
  const request = new LazyPageRequest();
  expect(source.getPages(page, count, request)).toBe(Status.SHOULD_WAIT);
  return request;
}

/** Frames and stored contents that somebody has. */
const owned = ({ system: { pmm, compressor } }: PagerScene): number[] => [
  pmm.liveCount,
  compressor.liveCount,
];

describe("supplyPages", () => {
  it("fills gaps with clean pages, and with markers where the list says zero (O-D2)", () => {
    const scene = pagerScene(".......");
    expect(run(supplyPages(scene.node, 1, listOf(scene, "PR.MP")))).toBe(Status.OK);
    expect(draw(scene.node)).toBe(".CCMMC.");
    expect(values(scene.node)).toEqual([0, 200, 201, 0, 0, 204, 0]);
    expect(owned(scene)).toEqual([3, 0]);
    expect(scene.told).toEqual(["unmap 1+5"]);
  });

  it("leaves what is there, frees what came for it and tells of each run of filled gaps (O-D2)", () => {
    const scene = pagerScene("..D.M~.^A.c");
    const waits = read(scene, 0, 1);
    expect(run(supplyPages(scene.node, 0, listOf(scene, "PPPPPPPPPPP")))).toBe(Status.OK);
    expect(draw(scene.node)).toBe("CCDCM~C^ACc");
    expect(values(scene.node)).toEqual([200, 201, 102, 203, 0, 0, 206, 0, 108, 209, 110]);
    expect(scene.told).toEqual(["unmap 0+2", "unmap 3+1", "unmap 6+1", "unmap 9+1"]);
    expect(owned(scene)).toEqual([8, 0]);
    expect(waits.isOutstanding).toBe(false);
  });

  it("completes a read when the last of its pages is there, and not before (P18)", () => {
    const scene = pagerScene("....");
    const [all, second] = [read(scene, 0, 4), read(scene, 1, 1)];
    for (const [page, drawing] of [
      [0, "P"],
      [2, "M."],
      [0, "P"],
      [2, "PP"],
    ] as const) {
      run(supplyPages(scene.node, page, listOf(scene, drawing)));
      expect([all.isOutstanding, second.isOutstanding]).toEqual([true, true]);
    }
    expect(scene.source.outstanding(RequestType.READ)[0]!.pending).toBe(1);
    run(supplyPages(scene.node, 1, listOf(scene, "P")));
    expect([all.status, second.status]).toEqual([Status.OK, Status.OK]);
    expect(draw(scene.node)).toBe("CCMM");
  });

  it("supplies nothing to a range that is not inside, and nothing at the very end (O-D2)", () => {
    const scene = pagerScene("..");
    const list = listOf(scene, "PP");
    expect(run(supplyPages(scene.node, 1, list))).toBe(Status.OUT_OF_RANGE);
    expect(list.nextPopulated(0)).toBe(0);
    list.free();
    expect(run(supplyPages(scene.node, 2, listOf(scene, "")))).toBe(Status.OK);
    expect(draw(scene.node)).toBe("..");
    expect(owned(scene)).toEqual([0, 0]);
  });

  it("answers BAD_STATE once detached, after OUT_OF_RANGE (O-D2)", () => {
    const scene = pagerScene("..");
    scene.source.detach();
    expect(run(supplyPages(scene.node, 0, listOf(scene, ".")))).toBe(Status.BAD_STATE);
    expect(run(supplyPages(scene.node, 2, listOf(scene, ".")))).toBe(Status.OUT_OF_RANGE);
  });

  it("changes nothing when slot memory fails at any attempt (P21)", () => {
    for (const failing of [1, 2, 3]) {
      const scene = pagerScene(`${".".repeat(20)}D${".".repeat(40)}`);
      const before = draw(scene.node);
      const waits = read(scene, 0, 20);
      const list = listOf(scene, "P".repeat(60));
      const { failures } = scene.system.pmm;
      failures.failAt(failing);
      expect(run(supplyPages(scene.node, 1, list))).toBe(Status.NO_MEMORY);
      expect(failures.isPending()).toBe(false);
      expect(draw(scene.node)).toBe(before);
      expect(scene.told).toEqual([]);
      expect(waits.isOutstanding).toBe(true);
      expect(list.nextPopulated(0)).toBe(0);
      scene.node.slots.validate();
      expect(run(supplyPages(scene.node, 1, list))).toBe(Status.OK);
    }
  });

  it("asks for all slot memory again after it gave some back (P21)", () => {
    const scene = pagerScene(".".repeat(40));
    const { failures } = scene.system.pmm;
    const list = listOf(scene, ".".repeat(40));
    failures.failAt(3);
    expect(run(supplyPages(scene.node, 0, list))).toBe(Status.NO_MEMORY);
    failures.failAt(1);
    expect(run(supplyPages(scene.node, 0, list))).toBe(Status.NO_MEMORY);
    expect(failures.isPending()).toBe(false);
  });

  it("changes nothing when a reference finds no frame to decompress to (P21)", () => {
    for (const failing of [1, 2]) {
      const scene = pagerScene("....");
      const list = listOf(scene, "PRMR");
      scene.system.pmm.failures.failAt(failing);
      expect(run(supplyPages(scene.node, 0, list))).toBe(Status.NO_MEMORY);
      expect(draw(scene.node)).toBe("....");
      list.free();
      expect(owned(scene)).toEqual([0, 0]);
    }
  });
});

describe("supplyPages that waits for memory", () => {
  it("reaches the same result, wherever it waits (P21)", () => {
    for (const waiting of [1, 2, 3]) {
      const scene = pagerScene("....", { policy: CAN_WAIT });
      const { pmm } = scene.system;
      pmm.delays.failAt(waiting);
      const supplying = supplyPages(scene.node, 0, listOf(scene, "RRMR"));
      const step = supplying.next();
      expect(step.value).toMatchObject({ type: RequestType.MEMORY, isOutstanding: true });
      expect(draw(scene.node)).toBe("....");
      pmm.serviceWaiters();
      expect(supplying.next(Status.OK)).toEqual({ done: true, value: Status.OK });
      expect(draw(scene.node)).toBe("CCMC");
      expect(values(scene.node)).toEqual([200, 201, 0, 203]);
      expect(owned(scene)).toEqual([3, 0]);
    }
  });

  /** What happens during the wait, and how the supply ends then. */
  const CASES: readonly [
    string,
    (scene: PagerScene, request: LazyPageRequest) => void,
    Status,
    string,
  ][] = [
    ["the object shrinks", ({ node }) => (node.sizePages = 3), Status.OUT_OF_RANGE, "..."],
    ["the source is detached", ({ source }) => source.detach(), Status.BAD_STATE, "...."],
    ["the wait times out", (_scene, request) => request.timeOut(), Status.TIMED_OUT, "...."],
  ];

  it.each(CASES)("gives up without a trace when %s (P21)", (_what, during, status, drawing) => {
    const scene = pagerScene("....", { policy: CAN_WAIT });
    scene.system.pmm.delays.failAt(2);
    const list = listOf(scene, "RRMR");
    const supplying = supplyPages(scene.node, 0, list);
    const request = supplying.next().value as LazyPageRequest;
    during(scene, request);
    if (request.isOutstanding) scene.system.pmm.serviceWaiters();
    expect(supplying.next(request.status).value).toBe(status);
    expect(draw(scene.node)).toBe(drawing);
    list.free();
    expect(owned(scene)).toEqual([0, 0]);
  });

  it("leaves nobody waiting when it is abandoned (P3)", () => {
    const scene = pagerScene(".", { policy: CAN_WAIT });
    scene.system.pmm.delays.failAt(1);
    const list = listOf(scene, "R");
    const supplying = supplyPages(scene.node, 0, list);
    const request = supplying.next().value as LazyPageRequest;
    supplying.return(Status.CANCELED);
    expect(request.isOutstanding).toBe(false);
    list.free();
    expect(owned(scene)).toEqual([0, 0]);
  });
});
