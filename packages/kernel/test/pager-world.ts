/**
 * Threads of one aspace that wait for a pager, for leave to write and for each other's doings, in an order drawn from a
 * seed. There is no model of contents: what is checked is that every structure is sound after every step, that no access
 * faults again after a resolved fault, and that no thread waits for what nobody will do.
 */
import { MmuFlags, Status, type Architecture } from "@aspace/arch";
import {
  CloneKind,
  MemoryPriority,
  OpChildren,
  PacketType,
  Prng,
  findDeepestRegion,
  harvestAllUserAccessedBits,
  isValue,
  markMergeable,
  protectRegion,
  scanStep,
  setMemoryPriority,
  unmapAllowPartial,
  type Blocking,
  type VmObjectPaged,
} from "@aspace/vm";
import { Thread, ThreadState } from "../src/thread.ts";
import { Booted, R, RW, type BootedOptions } from "./booted.ts";

const WINDOW = 12;
const PAGES = 8;
const MOST_THREADS = 5;
const MOST_OBJECTS = 6;

export class PagerWorld {
  readonly booted: Booted;
  readonly trace: string[] = [];
  /** Accesses that ended in OK, to see that the world does something. */
  accesses = 0;
  private readonly prng: Prng;
  private readonly root: VmObjectPaged;
  private readonly objects: VmObjectPaged[];
  private readonly threads: Thread<unknown>[] = [];

  constructor(architecture: Architecture, seed: number, options: BootedOptions = {}) {
    this.booted = new Booted(architecture, { cpuCount: 2, frameCount: 400, ...options });
    this.booted.kernel.contextSwitch(1, this.booted.aspace);
    this.booted.kernel.memory.compressor.arm();
    this.prng = new Prng(seed);
    this.root = this.booted.pagerObject(PAGES, seed % 3 !== 0);
    this.objects = [this.root];
  }

  step(): void {
    this.anyOf([
      () => this.access(),
      () => this.access(),
      () => this.access(),
      () => this.run(),
      () => this.run(),
      () => this.run(),
      () => this.run(),
      () => this.answer(),
      () => this.answer(),
      () => this.answer(),
      () => this.map(),
      () => this.map(),
      () => this.unmap(),
      () => this.protect(),
      () => this.clone(),
      () => this.writeBack(),
      () => this.change(),
      () => this.reclaim(),
      () => this.prioritize(),
      () => this.merge(),
      () => this.kill(),
      () => this.release(),
    ])();
    this.booted.validate();
    this.booted.pager.validate();
  }

  /** The pager closes: every thread comes to its end without it. Then everything goes. */
  end(): void {
    this.booted.pager.close();
    while (this.threads.length > 0) this.run();
    for (const object of this.objects) object.release();
    const { kernel, aspace } = this.booted;
    if (kernel.destroyAspace(aspace) !== Status.OK) throw new Error("the aspace does not end");
    this.booted.validate();
    if (kernel.memory.pmm.liveCount > kernel.memory.compressor.frameCount) {
      throw new Error(`${kernel.memory.pmm.liveCount} frames are left`);
    }
  }

  private access(): void {
    if (this.threads.length >= MOST_THREADS) return;
    const at = this.prng.below(WINDOW);
    const cpu = this.prng.below(2);
    const isStore = this.prng.below(2) === 0;
    this.trace.push(`${isStore ? "store" : "load"} ${at} by ${cpu}`);
    const { booted } = this;
    this.threads.push(
      isStore ? booted.storing(`store ${at}`, at, at, cpu) : booted.loading(`load ${at}`, at, cpu),
    );
  }

  /** Any thread that can go on does. */
  private run(): void {
    const ready = this.threads.filter(({ state }) => state === ThreadState.READY);
    if (ready.length === 0) return;
    const thread = this.anyOf(ready);
    this.trace.push(`run ${thread.name}: ${thread.run()}`);
    if (thread.state !== ThreadState.DONE) return;
    this.threads.splice(this.threads.indexOf(thread), 1);
    const { result } = thread;
    const status = typeof result === "object" ? (result as { status: Status }).status : result;
    if (status === Status.OK) this.accesses++;
  }

  /** The pager reads a packet and does what it asks for, or mostly. */
  private answer(): void {
    const packet = this.booted.pager.read();
    if (packet === null || packet.type === PacketType.COMPLETE) return;
    const { page, count } = packet;
    const [offset, length] = [BigInt(page) << 12n, BigInt(count) << 12n];
    this.trace.push(`answer ${packet.type} ${page}+${count}`);
    if (this.prng.below(8) === 0) this.root.failPageRequests(offset, length, Status.IO);
    else if (packet.type === PacketType.DIRTY)
      this.begin("dirty", this.root.dirtyPages(offset, length));
    else
      this.booted.supply(
        this.root,
        page,
        Array.from({ length: count }, (_, i) => page + i),
      );
  }

  private map(): void {
    const at = this.prng.below(WINDOW);
    const count = 1 + this.prng.below(Math.min(5, WINDOW - at));
    const { aspace, base } = this.booted;
    if (!aspace.root!.regions.isRangeAvailable(base + at, count)) return;
    const object = this.anyOf(this.objects);
    const offset = this.prng.below(5);
    const protection = this.anyOf([R, RW, RW, RW]);
    this.trace.push(`map ${at}+${count} object ${this.objects.indexOf(object)} ${offset}`);
    this.booted.map(object, { at, count, offset, protection });
  }

  private unmap(): void {
    const at = this.prng.below(WINDOW);
    const { aspace, base } = this.booted;
    this.trace.push(`unmap ${at}`);
    unmapAllowPartial(aspace.root!, base + at, 1);
  }

  private protect(): void {
    const at = this.prng.below(WINDOW);
    const { aspace, base } = this.booted;
    const flags = this.anyOf([R, RW, RW]) | MmuFlags.USER;
    this.trace.push(`protect ${at} ${flags}`);
    protectRegion(aspace.root!, base + at, 1, flags, OpChildren.NO);
  }

  private clone(): void {
    if (this.objects.length >= MOST_OBJECTS) return;
    const kind = this.anyOf(Object.values(CloneKind));
    const parent = this.anyOf(this.objects);
    const offset = BigInt(this.prng.below(3)) << 12n;
    const clone = parent.createClone({ kind, offset, size: BigInt(4 + this.prng.below(4)) << 12n });
    this.trace.push(`${kind} of object ${this.objects.indexOf(parent)}`);
    if (isValue(clone)) this.objects.push(this.booted.keep(clone));
  }

  private writeBack(): void {
    const offset = BigInt(this.prng.below(PAGES)) << 12n;
    this.trace.push(`write back ${offset}`);
    this.root.writebackBegin(offset, 0x1000n, this.anyOf(["pages", "zeroes"] as const));
    if (this.prng.below(2) === 0) this.root.writebackEnd(offset, 0x1000n);
  }

  /** A page of an object is zeroed or committed, which may wait. */
  private change(): void {
    const object = this.anyOf(this.objects);
    const offset = BigInt(this.prng.below(object.sizePages)) << 12n;
    if (this.prng.below(2) === 0) this.begin("zero", object.zeroRange(offset, 0x1000n));
    else this.begin("commit", object.commitRange(offset, 0x1000n));
  }

  private reclaim(): void {
    this.trace.push("reclaim");
    scanStep(this.booted.kernel.memory, { zeroForkPages: 4, reclaimPages: 3, minAge: 1 });
    harvestAllUserAccessedBits(
      this.booted.kernel.regions,
      this.anyOf(["retain", "free-unaccessed"] as const),
      this.anyOf(["update-age", "update-age-and-harvest"] as const),
    );
  }

  private prioritize(): void {
    const priority = this.anyOf(Object.values(MemoryPriority));
    this.begin(priority, setMemoryPriority(this.booted.aspace.root!, priority));
  }

  private merge(): void {
    const found = findDeepestRegion(this.booted.aspace, this.booted.base + this.prng.below(WINDOW));
    if (found?.kind === "mapping") markMergeable(found);
  }

  private kill(): void {
    if (this.threads.length === 0) return;
    const [thread] = this.threads.splice(this.prng.below(this.threads.length), 1);
    this.trace.push(`kill ${thread!.name}`);
    thread!.kill();
  }

  private release(): void {
    if (this.objects.length < 3) return;
    const [object] = this.objects.splice(1 + this.prng.below(this.objects.length - 1), 1);
    this.trace.push("release");
    object!.release();
  }

  /** Starts an operation, which holds its object from then on. */
  private begin(name: string, operation: Blocking<unknown>): void {
    const thread = new Thread(name, operation);
    this.trace.push(`${name}: ${thread.run()}`);
    if (thread.state !== ThreadState.DONE) this.threads.push(thread);
  }

  private anyOf<T>(choices: readonly T[]): T {
    return choices[this.prng.below(choices.length)]!;
  }
}
