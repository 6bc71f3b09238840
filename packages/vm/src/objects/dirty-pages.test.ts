import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import {
  LETTERS,
  draw,
  erase,
  paint,
  pagerScene,
  values,
  type PagerScene,
} from "../../test/pager-scene.ts";
import { createSmallSystem, run } from "../../test/small-system.ts";
import { dirtyPages } from "./dirty-pages.ts";
import { LazyPageRequest, RequestType } from "./page-request.ts";
import { AllocationPolicy } from "./pmm.ts";
import { EMPTY_SLOT } from "./slot.ts";

const { CAN_WAIT } = AllocationPolicy;

/** What becomes of each page that is in the range of a successful call. */
const DIRTIED: Readonly<Record<string, string>> = {
  C: "D",
  D: "D",
  A: "D",
  M: "D",
  "~": "D",
  "^": "D",
  c: "d",
  d: "d",
  a: "d",
};

function dirty({ source }: PagerScene, page: number, count: number): LazyPageRequest {
  const request = new LazyPageRequest();
  expect(source.requestDirtyTransition(page, count, request)).toBe(Status.SHOULD_WAIT);
  return request;
}

function shrink(node: PagerScene["node"]): void {
  node.setSlot(3, EMPTY_SLOT);
  node.sizePages = 3;
}

function repaint(node: PagerScene["node"], page: number, letter: string): void {
  node.setSlot(page, EMPTY_SLOT);
  paint(node, page, letter);
}

describe("dirtyPages", () => {
  it("makes every page of the range dirty, and zeroes that are not pages become pages (O-D4, P16)", () => {
    const scene = pagerScene("C.DAM~^cdaC");
    expect(run(dirtyPages(scene.node, 2, 8))).toBe(Status.OK);
    expect(draw(scene.node)).toBe("C.DDDDDdddC");
    expect(values(scene.node)).toEqual([100, 0, 102, 103, 0, 0, 0, 107, 108, 109, 110]);
    expect(scene.told).toEqual(["unmap 4+1", "unmap 5+1", "unmap 6+1"]);
  });

  it("agrees with the table above for all drawings of three pages and all ranges, or changes nothing (O-D4, P16, P21)", () => {
    const { system } = createSmallSystem();
    for (const a of LETTERS) {
      for (const b of LETTERS) {
        for (const c of LETTERS) {
          for (const [page, count] of [
            [0, 3],
            [0, 2],
            [1, 1],
          ] as const) {
            const before = a + b + c;
            const { node } = pagerScene(before, { system });
            const letters = [...before].map((letter, at) =>
              at < page || at >= page + count ? letter : DIRTIED[letter],
            );
            const isAbsent = letters.includes(undefined);
            const expected = isAbsent ? [Status.NOT_FOUND, before] : [Status.OK, letters.join("")];
            expect([run(dirtyPages(node, page, count)), draw(node)]).toEqual(expected);
            erase(node);
            expect(system.pmm.liveCount).toBe(0);
          }
        }
      }
    }
  });

  it("finds new pages all zero, whatever their frames held before (O-D4)", () => {
    const scene = pagerScene("M~");
    const { pmm } = scene.system;
    const frames = [0, 1].map(() => pmm.allocate(AllocationPolicy.NEVER_WAITS));
    for (const frame of frames) {
      pmm.writeBytes(frame, 8, new Uint8Array([1, 2, 3]));
      pmm.free(frame);
    }
    run(dirtyPages(scene.node, 0, 2));
    expect(frames.every((frame) => pmm.isZero(frame))).toBe(true);
    expect(draw(scene.node)).toBe("DD");
  });

  it("completes requests by the runs of pages that were not dirty (O-D4, O-R6)", () => {
    const scene = pagerScene("CCCDMC");
    const requests = [dirty(scene, 0, 3), dirty(scene, 4, 2)];
    const pending = (): number[] =>
      scene.source.outstanding(RequestType.DIRTY).map((request) => request.pending);
    run(dirtyPages(scene.node, 1, 4));
    expect(pending()).toEqual([1, 1]);
    run(dirtyPages(scene.node, 1, 4));
    expect(pending()).toEqual([1, 1]);
    run(dirtyPages(scene.node, 0, 6));
    expect(requests.map(({ status }) => status)).toEqual([Status.OK, Status.OK]);
  });

  it("leaves reads waiting (O-R3)", () => {
    const scene = pagerScene(".C");
    const request = new LazyPageRequest();
    scene.source.getPages(0, 1, request);
    run(dirtyPages(scene.node, 1, 1));
    expect(request.isOutstanding).toBe(true);
  });

  it("wakes those who wait when a page is absent, and dirties none (O-D5, P21)", () => {
    const scene = pagerScene("CM.C");
    const requests = [dirty(scene, 0, 2), dirty(scene, 3, 1)];
    expect(run(dirtyPages(scene.node, 0, 3))).toBe(Status.NOT_FOUND);
    expect(requests.map(({ status }) => status)).toEqual([Status.OK, Status.SHOULD_WAIT]);
    expect(draw(scene.node)).toBe("CM.C");
  });

  it("wakes those who wait when memory fails at any attempt, and dirties none (O-D5, P21)", () => {
    for (const failing of [1, 2, 3]) {
      const scene = pagerScene("CM~^A");
      const request = dirty(scene, 0, 5);
      scene.system.pmm.failures.failAt(failing);
      expect(run(dirtyPages(scene.node, 0, 5))).toBe(Status.NO_MEMORY);
      expect(request.status).toBe(Status.OK);
      expect(draw(scene.node)).toBe("CM~^A");
      expect(scene.told).toEqual([]);
      expect(scene.system.pmm.liveCount).toBe(2);
    }
  });

  it("says BAD_STATE once detached, before it looks for absent pages (O-D5)", () => {
    const scene = pagerScene("C.");
    scene.source.detach();
    expect(run(dirtyPages(scene.node, 0, 2))).toBe(Status.BAD_STATE);
    expect(draw(scene.node)).toBe("C.");
  });

  it("does nothing for no pages (O-D4)", () => {
    const scene = pagerScene("..");
    expect(run(dirtyPages(scene.node, 2, 0))).toBe(Status.OK);
    expect(scene.system.pmm.liveCount).toBe(0);
  });
});

describe("dirtyPages that waits for memory", () => {
  it("reaches the same result, keeps its frames and leaves requests pending meanwhile (O-D5, P21)", () => {
    for (const waiting of [1, 2, 3]) {
      const scene = pagerScene("CM~^A", { policy: CAN_WAIT });
      const { pmm } = scene.system;
      const request = dirty(scene, 0, 5);
      pmm.delays.failAt(waiting);
      const dirtying = dirtyPages(scene.node, 0, 5);
      expect(dirtying.next().value).toMatchObject({ type: RequestType.MEMORY });
      expect(request.isOutstanding).toBe(true);
      expect(draw(scene.node)).toBe("CM~^A");
      expect(pmm.liveCount).toBe(2 + waiting - 1);
      pmm.serviceWaiters();
      pmm.failures.failAt(3 - waiting + 2);
      expect(dirtying.next(Status.OK)).toEqual({ done: true, value: Status.OK });
      expect(pmm.failures.isPending()).toBe(true);
      expect(draw(scene.node)).toBe("DDDDD");
      expect(request.status).toBe(Status.OK);
      expect(pmm.liveCount).toBe(5);
    }
  });

  const CASES: readonly [
    string,
    (scene: PagerScene, request: LazyPageRequest) => void,
    Status,
    string,
  ][] = [
    ["the object shrinks", ({ node }) => shrink(node), Status.OUT_OF_RANGE, "CM~"],
    ["the source is detached", ({ source }) => source.detach(), Status.BAD_STATE, "CM~^"],
    ["the wait times out", (_scene, request) => request.timeOut(), Status.TIMED_OUT, "CM~^"],
    ["an interval was stored", ({ node }) => node.setSlot(3, EMPTY_SLOT), Status.NOT_FOUND, "CM~."],
    ["a page came where a marker was", ({ node }) => repaint(node, 1, "A"), Status.OK, "DDDD"],
    ["another call was faster", ({ node }) => run(dirtyPages(node, 0, 4)), Status.OK, "DDDD"],
  ];

  it.each(CASES)("looks at everything again: %s (O-D5, P21)", (_what, during, status, drawing) => {
    for (const waiting of [1, 2, 3]) {
      const scene = pagerScene("CM~^", { policy: CAN_WAIT });
      const { pmm } = scene.system;
      const waits = dirty(scene, 0, 3);
      pmm.delays.failAt(waiting);
      const dirtying = dirtyPages(scene.node, 0, 4);
      const request = dirtying.next().value as LazyPageRequest;
      during(scene, request);
      pmm.serviceWaiters();
      expect(dirtying.next(request.status).value).toBe(status);
      expect(draw(scene.node)).toBe(drawing);
      expect(waits.isOutstanding).toBe(false);
      erase(scene.node);
      expect(pmm.liveCount).toBe(0);
    }
  });

  it("frees its frames and leaves nobody waiting when it is abandoned (P3)", () => {
    const scene = pagerScene("MM", { policy: CAN_WAIT });
    scene.system.pmm.delays.failAt(2);
    const dirtying = dirtyPages(scene.node, 0, 2);
    const request = dirtying.next().value as LazyPageRequest;
    dirtying.return(Status.CANCELED);
    expect(request.isOutstanding).toBe(false);
    expect(scene.system.pmm.liveCount).toBe(0);
    expect(draw(scene.node)).toBe("MM");
  });
});
