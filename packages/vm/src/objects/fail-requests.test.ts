import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { draw, pagerScene } from "../../test/pager-scene.ts";
import { failPageRequests, isFailureCode } from "./fail-requests.ts";
import { LazyPageRequest } from "./page-request.ts";

describe("failPageRequests", () => {
  it("fails outstanding requests of both types as a whole, and changes no page (O-R8, O-D3)", () => {
    const { node, source, told } = pagerScene("..C.D");
    const [read, later, dirty] = [
      new LazyPageRequest(),
      new LazyPageRequest(),
      new LazyPageRequest(),
    ];
    source.getPages(0, 2, read);
    source.getPages(3, 1, later);
    source.requestDirtyTransition(2, 1, dirty);
    failPageRequests(node, 1, 2, Status.NO_SPACE);
    expect([read.status, later.status, dirty.status]).toEqual([
      Status.NO_SPACE,
      Status.SHOULD_WAIT,
      Status.NO_SPACE,
    ]);
    expect(draw(node)).toBe("..C.D");
    expect(told).toEqual([]);
  });

  it("is forgotten at once: who asks next asks the pager (O-D3)", () => {
    const { node, source } = pagerScene("..");
    const request = new LazyPageRequest();
    failPageRequests(node, 0, 2, Status.IO);
    expect(source.getPages(0, 2, request)).toBe(Status.SHOULD_WAIT);
    source.detach();
    failPageRequests(node, 0, 2, Status.IO);
    expect(request.status).toBe(Status.OK);
  });

  it("takes five statuses, which the caller checks first (O-D3)", () => {
    const names = Object.entries(Status).filter(([, status]) => isFailureCode(status));
    expect(names.map(([name]) => name)).toEqual([
      "BUFFER_TOO_SMALL",
      "BAD_STATE",
      "IO",
      "IO_DATA_INTEGRITY",
      "NO_SPACE",
    ]);
  });
});
