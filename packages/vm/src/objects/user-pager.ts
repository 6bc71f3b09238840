import { KernelPanic } from "@aspace/arch";
import type { SourceRequest, SourceRequestType } from "./outstanding-requests.ts";
import { type PageProvider, PageSource } from "./page-source.ts";
import { RequestType } from "./page-request.ts";

/** What a pager reads from its port. COMPLETE is the last packet of an object: it will not ask again. */
export const PacketType = { READ: 0, DIRTY: 1, COMPLETE: 2 } as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

const PACKET_NAMES = ["READ", "DIRTY", "COMPLETE"] as const;

export interface PagerPacket {
  readonly type: PacketType;
  /** Which object it is about, in the words of the pager. */
  readonly key: number;
  /** In the object; 0 for COMPLETE. */
  readonly page: number;
  /** Pages; 0 for COMPLETE. */
  readonly count: number;
}

export interface PagerSourceOptions {
  readonly key: number;
  /** Pages become dirty only after the pager has said so (DIRTY packets). */
  readonly trapsDirty: boolean;
}

/** A packet, and the request it stands for unless it is COMPLETE. */
interface QueuedPacket {
  readonly packet: PagerPacket;
  readonly request: SourceRequest | null;
}

/**
 * One object's side of a pager. At most one of its packets is in the port, so that an object with much to
 * ask does not keep the others of the same pager waiting; the rest queue here in order.
 */
class PagerProxy implements PageProvider {
  readonly key: number;
  private readonly trapsDirty: boolean;
  private readonly pager: UserPager;
  private readonly port: PagerProxy[];
  /** The packet in the port. Invariant: null iff this proxy is not in the port. */
  inPort: QueuedPacket | null = null;
  /** Invariant: empty unless a packet is in the port. */
  readonly backlog: QueuedPacket[] = [];

  constructor(pager: UserPager, port: PagerProxy[], options: PagerSourceOptions) {
    this.pager = pager;
    this.port = port;
    this.key = options.key;
    this.trapsDirty = options.trapsDirty;
  }

  supports(type: SourceRequestType): boolean {
    return type === RequestType.READ || this.trapsDirty;
  }

  send(request: SourceRequest): void {
    const { type, page, count } = request;
    this.queue({ packet: { type, key: this.key, page, count }, request });
  }

  withdraw(request: SourceRequest): void {
    if (this.inPort?.request === request) {
      this.port.splice(this.port.indexOf(this), 1);
      this.inPort = null;
      this.advance();
      return;
    }
    const index = this.backlog.findIndex((queued) => queued.request === request);
    if (index >= 0) this.backlog.splice(index, 1);
  }

  onDetach(): void {
    if (this.pager.isClosed) return;
    const packet = { type: PacketType.COMPLETE, key: this.key, page: 0, count: 0 };
    this.queue({ packet, request: null });
  }

  onClose(): void {
    this.pager.forget(this);
  }

  /** The pager takes the packet out of the port, which makes room for the next one. */
  deliver(): PagerPacket {
    const { packet } = this.inPort!;
    this.inPort = null;
    this.advance();
    return packet;
  }

  private queue(queued: QueuedPacket): void {
    this.backlog.push(queued);
    this.advance();
  }

  private advance(): void {
    if (this.inPort !== null) return;
    this.inPort = this.backlog.shift() ?? null;
    if (this.inPort !== null) this.port.push(this);
  }
}

/**
 * A program that gives objects their contents: it reads packets from its port, and answers with the pager
 * operations on the object (supply, fail, dirty, writeback, detach). Reading a packet completes nothing.
 *
 *     object A ── DIRTY 0+1, READ 9+1 waiting ──┐      port, first in first out
 *     object B ── READ 20+4 waiting ────────────┴─▶  A READ 4+2 │ B READ 0+8  ──▶ read()
 */
export class UserPager {
  /** Proxies with a packet in the port, in the order of arrival. */
  private readonly port: PagerProxy[] = [];
  private readonly sources = new Map<PagerProxy, PageSource>();
  private closed = false;

  get isClosed(): boolean {
    return this.closed;
  }

  /** Packets that the pager has still to read, in the port or behind it. */
  get packetCount(): number {
    let count = 0;
    for (const proxy of this.port) count += 1 + proxy.backlog.length;
    return count;
  }

  /**
   * The source for one new object; several may have the same key. Panics with O-R11 when the pager is
   * closed.
   */
  createSource(options: PagerSourceOptions): PageSource {
    if (this.closed) throw new KernelPanic("O-R11", "a source from a pager that is closed");
    const proxy = new PagerProxy(this, this.port, options);
    const source = new PageSource(proxy);
    this.sources.set(proxy, source);
    return source;
  }

  /** Takes the oldest packet out of the port; null when there is none. */
  read(): PagerPacket | null {
    return this.port.shift()?.deliver() ?? null;
  }

  /**
   * The program ends. Who waits for it, or will want to, fails with BAD_STATE; contents that it supplied
   * stay where they are (O-R10). Once is enough.
   */
  close(): void {
    this.closed = true;
    for (const source of this.sources.values()) source.onPagerClosed();
    // Only COMPLETE packets are left, and nothing is behind those.
    for (const proxy of this.port) proxy.inPort = null;
    this.port.length = 0;
  }

  /** An object is gone. Its last packet stays to be read. */
  forget(proxy: PagerProxy): void {
    this.sources.delete(proxy);
  }

  /**
   * Panics with O-R11 when the port and the proxies disagree, or P17 when a source is broken or a packet
   * outlived it.
   */
  validate(): void {
    for (const source of this.sources.values()) source.validate();
    const seen = new Set<PagerProxy>();
    for (const proxy of this.port) {
      if (seen.has(proxy))
        throw new KernelPanic("O-R11", `key ${proxy.key} has two packets in the port`);
      seen.add(proxy);
      if (proxy.inPort === null)
        throw new KernelPanic("O-R11", `key ${proxy.key} has no packet in the port`);
      for (const queued of [proxy.inPort, ...proxy.backlog]) this.validatePacket(proxy, queued);
    }
    for (const proxy of this.sources.keys()) {
      const isQueued = proxy.inPort !== null || proxy.backlog.length > 0;
      if (isQueued && !seen.has(proxy))
        throw new KernelPanic("O-R11", `key ${proxy.key} is not in the port`);
    }
  }

  /** The port from its oldest packet on, and what queues behind each; stable. */
  dump(): string {
    const lines = [this.closed ? "pager closed" : "pager"];
    for (const proxy of this.port) {
      const packets = [proxy.inPort!, ...proxy.backlog].map(({ packet }) => describePacket(packet));
      lines.push(`  key ${proxy.key}: ${packets.join(", ")}`);
    }
    return lines.join("\n");
  }

  private validatePacket(proxy: PagerProxy, { packet, request }: QueuedPacket): void {
    if (request === null) return;
    const outstanding = this.sources.get(proxy)?.outstanding(request.type) ?? [];
    if (!outstanding.includes(request)) {
      throw new KernelPanic(
        "P17",
        `key ${proxy.key} asks for ${describePacket(packet)}, which nobody needs`,
      );
    }
  }
}

export function describePacket(packet: PagerPacket): string {
  const name = PACKET_NAMES[packet.type];
  return packet.type === PacketType.COMPLETE ? name : `${name} ${packet.page}+${packet.count}`;
}
