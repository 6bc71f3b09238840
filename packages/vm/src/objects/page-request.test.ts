import { KernelPanic, Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { LazyPageRequest, type RequestHost, RequestType, requestTypeName } from "./page-request.ts";

class Host implements RequestHost {
  readonly canceled: LazyPageRequest[] = [];

  cancel(request: LazyPageRequest): void {
    this.canceled.push(request);
  }
}

function boundRequest(): { host: Host; request: LazyPageRequest } {
  const host = new Host();
  const request = new LazyPageRequest();
  request.bind(host, RequestType.READ, 4, 2);
  return { host, request };
}

describe("LazyPageRequest", () => {
  it("is idle until something binds it (O-R1)", () => {
    const request = new LazyPageRequest();
    expect(request.isOutstanding).toBe(false);
    expect(request.status).toBe(Status.OK);
  });

  it("tells what it waits for while it is outstanding (O-R1)", () => {
    const { host, request } = boundRequest();
    expect(request.isOutstanding).toBe(true);
    expect(request.status).toBe(Status.SHOULD_WAIT);
    expect([request.type, request.page, request.count]).toEqual([RequestType.READ, 4, 2]);
    expect(request.isBoundTo(host)).toBe(true);
    expect(request.isBoundTo(new Host())).toBe(false);
  });

  it("keeps how the wait ended, and can be used for the next one (O-R1)", () => {
    const { host, request } = boundRequest();
    request.complete(Status.IO);
    expect(request.isOutstanding).toBe(false);
    expect(request.status).toBe(Status.IO);
    request.bind(host, RequestType.MEMORY, 0, 0);
    expect(request.type).toBe(RequestType.MEMORY);
    expect(request.status).toBe(Status.SHOULD_WAIT);
  });

  it("leaves its host and is canceled when the thread gives up (O-R2)", () => {
    const { host, request } = boundRequest();
    request.cancel();
    expect(host.canceled).toEqual([request]);
    expect(request.isOutstanding).toBe(false);
    expect(request.status).toBe(Status.CANCELED);
  });

  it("leaves its host and has timed out when the pager takes too long (O-R2)", () => {
    const { host, request } = boundRequest();
    request.timeOut();
    expect(host.canceled).toEqual([request]);
    expect(request.isOutstanding).toBe(false);
    expect(request.status).toBe(Status.TIMED_OUT);
  });

  it("ignores a cancel or a timeout that comes too late (O-R2)", () => {
    const { host, request } = boundRequest();
    request.complete(Status.OK);
    request.cancel();
    request.timeOut();
    expect(host.canceled).toEqual([]);
    expect(request.status).toBe(Status.OK);
  });

  it("panics when a host binds a request in use, completes an idle one or completes with SHOULD_WAIT (P17)", () => {
    const { host, request } = boundRequest();
    expect(() => request.bind(host, RequestType.READ, 0, 1)).toThrow(
      /^P17: READ 4\+2 is bound twice$/,
    );
    expect(() => request.complete(Status.SHOULD_WAIT)).toThrow(KernelPanic);
    request.complete(Status.OK);
    expect(() => request.complete(Status.OK)).toThrow(/^P17: READ 4\+2 is completed while idle$/);
  });

  it("names every type", () => {
    expect(Object.values(RequestType).map(requestTypeName)).toEqual(Object.keys(RequestType));
  });
});
