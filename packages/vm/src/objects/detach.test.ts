import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { LETTERS, draw, pagerScene, values } from "../../test/pager-scene.ts";
import { detachSource } from "./detach.ts";
import { LazyPageRequest } from "./page-request.ts";
import { WritebackKind, writebackBegin, writebackEnd } from "./writeback.ts";

describe("detachSource", () => {
  it("drops what the pager has, and keeps what exists nowhere else or is pinned (O-D9, P15, P16)", () => {
    const { node, told, system } = pagerScene(LETTERS.join(""));
    expect(draw(node)).toBe(".CDAM~^cda");
    detachSource(node);
    expect(draw(node)).toBe("..DA.~^cda");
    expect(values(node)).toEqual([0, 0, 102, 103, 0, 0, 0, 107, 108, 109]);
    expect(told).toEqual(["unmap 0+10"]);
    expect(system.pmm.liveCount).toBe(5);
  });

  it("wakes everyone with OK, to find that the pager is gone (O-R9, O-D9, P17)", () => {
    const { node, source, pager } = pagerScene(".CD");
    const [read, dirty] = [new LazyPageRequest(), new LazyPageRequest()];
    source.getPages(0, 1, read);
    source.requestDirtyTransition(1, 1, dirty);
    detachSource(node);
    expect([read.status, dirty.status]).toEqual([Status.OK, Status.OK]);
    expect(source.getPages(0, 1, read)).toBe(Status.BAD_STATE);
    expect(pager.dump()).toBe("pager\n  key 1: COMPLETE");
    source.validate();
    pager.validate();
  });

  it("happens once: what became clean later stays (O-D9)", () => {
    const { node, told, pager } = pagerScene("CD~");
    detachSource(node);
    writebackBegin(node, 0, 2, WritebackKind.PAGES);
    writebackEnd(node, 0, 2);
    expect(draw(node)).toBe(".C~");
    told.length = 0;
    detachSource(node);
    expect(draw(node)).toBe(".C~");
    expect(told).toEqual([]);
    expect(pager.packetCount).toBe(1);
  });

  it("also follows a pager that closed (O-R10, O-D9)", () => {
    const { node, pager, source } = pagerScene("CD");
    pager.close();
    expect(draw(node)).toBe("CD");
    detachSource(node);
    expect(draw(node)).toBe(".D");
    expect(source.isDetached).toBe(true);
  });
});
