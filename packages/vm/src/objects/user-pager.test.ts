import { Status } from "@aspace/arch";
import { describe, expect, it } from "vitest";
import { LazyPageRequest, RequestType } from "./page-request.ts";
import type { PageSource } from "./page-source.ts";
import { describePacket, PacketType, UserPager } from "./user-pager.ts";

function read(source: PageSource, page: number, count: number): LazyPageRequest {
  const request = new LazyPageRequest();
  expect(source.getPages(page, count, request)).toBe(Status.SHOULD_WAIT);
  return request;
}

/** Everything in the port, as `key: packet`. */
function drain(pager: UserPager): string[] {
  const packets: string[] = [];
  for (let packet = pager.read(); packet !== null; packet = pager.read()) {
    packets.push(`${packet.key}: ${describePacket(packet)}`);
    pager.validate();
  }
  return packets;
}

describe("UserPager", () => {
  it("delivers packets in the order of the requests, with key, page and count (O-R11)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 7, trapsDirty: true });
    read(source, 4, 2);
    source.requestDirtyTransition(0, 3, new LazyPageRequest());
    expect(pager.packetCount).toBe(2);
    expect(pager.read()).toEqual({ type: PacketType.READ, key: 7, page: 4, count: 2 });
    expect(pager.read()).toEqual({ type: PacketType.DIRTY, key: 7, page: 0, count: 3 });
    expect(pager.read()).toBeNull();
    pager.validate();
  });

  it("has one packet of each object in the port, so that nobody waits behind a busy one (O-R11)", () => {
    const pager = new UserPager();
    const busy = pager.createSource({ key: 1, trapsDirty: false });
    const other = pager.createSource({ key: 2, trapsDirty: false });
    for (const page of [0, 2, 4]) read(busy, page, 1);
    read(other, 0, 1);
    expect(pager.dump()).toBe("pager\n  key 1: READ 0+1, READ 2+1, READ 4+1\n  key 2: READ 0+1");
    expect(drain(pager)).toEqual(["1: READ 0+1", "2: READ 0+1", "1: READ 2+1", "1: READ 4+1"]);
  });

  it("completes nothing by reading a packet (O-R11)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 1, trapsDirty: false });
    const request = read(source, 0, 2);
    pager.read();
    expect(request.isOutstanding).toBe(true);
    source.onPagesSupplied(0, 2);
    expect(request.isOutstanding).toBe(false);
    pager.validate();
  });

  it("sends DIRTY only for objects that trap it (O-R5)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 1, trapsDirty: false });
    expect(source.trapsDirty).toBe(false);
    expect(source.requestDirtyTransition(0, 1, new LazyPageRequest())).toBe(Status.NOT_SUPPORTED);
    expect(pager.createSource({ key: 1, trapsDirty: true }).trapsDirty).toBe(true);
  });

  it("takes back a packet in the port, and the next of the object queues at the end (O-R11)", () => {
    const pager = new UserPager();
    const first = pager.createSource({ key: 1, trapsDirty: false });
    const second = pager.createSource({ key: 2, trapsDirty: false });
    const request = read(first, 0, 1);
    read(first, 4, 1);
    read(second, 0, 1);
    request.cancel();
    pager.validate();
    expect(drain(pager)).toEqual(["2: READ 0+1", "1: READ 4+1"]);
  });

  it("takes back a packet from behind the port (O-R11)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 1, trapsDirty: false });
    const requests = [0, 2, 4].map((page) => read(source, page, 1));
    requests[1]!.cancel();
    pager.validate();
    expect(drain(pager)).toEqual(["1: READ 0+1", "1: READ 4+1"]);
  });

  it("takes nothing back when the pager has read the packet already (O-R11)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 1, trapsDirty: false });
    const requests = [0, 2, 4].map((page) => read(source, page, 1));
    pager.read();
    requests[0]!.cancel();
    expect(drain(pager)).toEqual(["1: READ 2+1", "1: READ 4+1"]);
  });

  it("keeps the packet of a waiter that gave up while another waits for it (O-R7)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 1, trapsDirty: false });
    const first = read(source, 0, 4);
    const second = read(source, 2, 1);
    first.cancel();
    expect(drain(pager)).toEqual(["1: READ 0+4"]);
    source.onPagesSupplied(0, 4);
    expect(second.status).toBe(Status.OK);
  });

  it("delivers COMPLETE last, after a detach or the end of the object (O-R9)", () => {
    const pager = new UserPager();
    const detached = pager.createSource({ key: 1, trapsDirty: false });
    const gone = pager.createSource({ key: 2, trapsDirty: false });
    read(detached, 0, 1);
    read(gone, 0, 1);
    detached.detach();
    gone.close();
    detached.close();
    pager.validate();
    expect(pager.packetCount).toBe(2);
    expect(pager["sources"].size).toBe(0);
    expect(pager.read()).toEqual({ type: PacketType.COMPLETE, key: 1, page: 0, count: 0 });
    expect(drain(pager)).toEqual(["2: COMPLETE"]);
  });

  it("fails waits and later requests with BAD_STATE once closed, and detaches nothing (O-R10)", () => {
    const pager = new UserPager();
    const sources = [1, 2].map((key) => pager.createSource({ key, trapsDirty: true }));
    const requests = sources.map((source) => read(source, 0, 1));
    sources[1]!.detach();
    pager.close();
    pager.close();
    expect(requests.map(({ status }) => status)).toEqual([Status.BAD_STATE, Status.OK]);
    expect(sources.map(({ isDetached }) => isDetached)).toEqual([false, true]);
    expect(sources.map((source) => source.getPages(0, 1, requests[0]!))).toEqual([
      Status.BAD_STATE,
      Status.BAD_STATE,
    ]);
    expect(pager.read()).toBeNull();
    expect(pager.dump()).toBe("pager closed");
    pager.validate();
    for (const source of sources) source.close();
    expect(pager.packetCount).toBe(0);
    pager.validate();
  });

  it("gives no sources once closed (O-R11)", () => {
    const pager = new UserPager();
    pager.close();
    expect(pager.isClosed).toBe(true);
    expect(() => pager.createSource({ key: 1, trapsDirty: false })).toThrow(/^O-R11/);
  });

  it("finds a broken source (P17)", () => {
    const pager = new UserPager();
    const source = pager.createSource({ key: 1, trapsDirty: false });
    read(source, 0, 2);
    source.outstanding(RequestType.READ)[0]!.pending = 9;
    expect(() => pager.validate()).toThrow(/^P17/);
  });

  it("finds a port that disagrees with the objects (O-R11, P17)", () => {
    const cases: readonly [RegExp, (pager: UserPager) => void][] = [
      [
        /^O-R11: key 1 has two packets in the port$/,
        (pager) => pager["port"].push(pager["port"][0]!),
      ],
      [/^O-R11: key 1 has no packet in the port$/, (pager) => (pager["port"][0]!.inPort = null)],
      [/^O-R11: key 1 is not in the port$/, (pager) => pager["port"].pop()],
      [/^P17: key 1 asks for READ 0\+2, which nobody needs$/, (pager) => pager["sources"].clear()],
    ];
    for (const [message, breakIt] of cases) {
      const pager = new UserPager();
      read(pager.createSource({ key: 1, trapsDirty: false }), 0, 2);
      pager.validate();
      breakIt(pager);
      expect(() => pager.validate()).toThrow(message);
    }
  });
});
