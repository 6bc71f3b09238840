import { NO_FRAME, type Architecture, type Pfn, type Vpn } from "@aspace/arch";
import { Kernel } from "@aspace/kernel";
import {
  NodeBackedObject,
  PageAccess,
  PageState,
  REGION_QUIRKS,
  SlotKind,
  VmObjectPaged,
  isValue,
  slotKind,
  type Blocking,
  type CowNode,
  type MemorySystem,
  type Rights,
  type SpliceList,
  type UserPager,
  type VmObject,
} from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import type { Header } from "../format/header.ts";
import type { OperationIn, OperationTable } from "../format/operation.ts";
import type { AddressText, Hex } from "../format/values.ts";
import { pagesOf, splitOf, sum, textOfPages } from "./bytes.ts";
import { Names } from "./names.ts";
import { Threads } from "./threads.ts";
import { Unplayable } from "./unplayable.ts";

/** How each operation of a table is carried out. */
export type Handlers<T extends OperationTable> = {
  readonly [N in keyof T]: (world: World, operation: OperationIn<T, N>) => Seen | Blocking<Seen>;
};

export interface WorldOptions {
  readonly architecture: Architecture;
  readonly header: Header;
}

/** A kernel and everything in it that a trace has named. */
export class World {
  readonly kernel: Kernel;
  readonly names: Names = new Names();
  readonly threads: Threads = new Threads();
  readonly pagers: Set<UserPager> = new Set();
  /** Lists that were taken and not dropped; one that was supplied is empty. */
  readonly lists: Set<SpliceList> = new Set();
  /** By name, what a handle allows that a call gave out. */
  readonly rights: Map<string, Rights> = new Map();
  /** Every object that was made; who is not alive any more is of no interest. */
  private readonly objects: Set<VmObject> = new Set();
  private lastUserId = 0;

  /** Boots. Throws an `Unplayable` for numbers that no machine has. */
  constructor({ architecture, header }: WorldOptions) {
    const { cpus = 1, frames = 4096, quirks = [], seed = 1 } = header;
    assertQuirks(architecture, quirks);
    const { faultMode = "upgrade", anonymousReclaim = "off", placement = "first-fit" } = header;
    try {
      this.kernel = new Kernel({
        architecture,
        cpuCount: cpus,
        frameCount: frames,
        quirks: new Set(quirks),
        faultMode,
        anonymousReclaim,
        placement,
        seed,
      });
    } catch (error) {
      throw error instanceof RangeError ? new Unplayable(error.message) : error;
    }
    this.names.define(KERNEL_NAME, { kind: "aspace", value: this.kernel.kernelAspace });
  }

  get memory(): MemorySystem {
    return this.kernel.memory;
  }

  /** Names a new object, here and in dumps; ids are 1, 2, 3, ... */
  adopt(name: string, object: VmObject): void {
    this.names.define(name, { kind: "vmo", value: object });
    object.setUserId(++this.lastUserId);
    if (object.name === "") object.setName(name);
    this.objects.add(object);
  }

  vmo(name: string): VmObject {
    return this.names.find("vmo", name);
  }

  /** An object made of pages. */
  paged(name: string): VmObjectPaged {
    const object = this.vmo(name);
    if (object instanceof VmObjectPaged) return object;
    throw new Unplayable(`vmo: '${name}' is device memory`);
  }

  /** The page and the byte in it that an address stands for. */
  place(at: AddressText): { readonly page: Vpn; readonly offset: number } {
    if (/^\d/.test(at)) return splitOf(at);
    const [name, offset = "0x0"] = at.split("+");
    return splitOf(sum(textOfPages(this.names.beginningOf(name!)), offset));
  }

  /** An address that must be a page's. */
  page(at: AddressText): Vpn {
    const { page, offset } = this.place(at);
    if (offset !== 0) throw new Unplayable(`at: expected a page's address, found ${at}`);
    return page;
  }

  /** An address as bytes, whatever it is. */
  bytesAt(at: AddressText): Hex {
    const { page, offset } = this.place(at);
    return sum(textOfPages(page), `0x${offset.toString(16)}`);
  }

  cpu(id: number | undefined): number {
    const { length } = this.kernel.machine.cpus;
    if ((id ?? 0) < length) return id ?? 0;
    throw new Unplayable(`cpu: expected below ${length}, found ${id}`);
  }

  /** The frame with what an object shows at an offset, whosever it is; null where there is none, or only the page of zeroes. */
  frameBehind(name: string, offset: Hex): Pfn | null {
    const object = this.paged(name);
    const page = pagesOf(offset, "offset");
    const { lock } = object.hierarchy;
    lock.acquire();
    try {
      const cursor = object.lookupCursorLocked(page, 1);
      if (!isValue(cursor)) return null;
      cursor.disableMarkAccessed();
      const frame = cursor.maybePage(PageAccess.READ);
      return frame === NO_FRAME ? null : frame;
    } finally {
      lock.release();
    }
  }

  /** Whose page a frame is: `a+0x1000`, `zero`, or its physical address. */
  ownerOf(frame: Pfn): string {
    const { pmm } = this.memory;
    if (frame === pmm.zeroPage) return "zero";
    if (pmm.pages.state[frame] !== PageState.OBJECT) return textOfPages(frame);
    const node = pmm.pages.node[frame]!;
    return `${this.ownerName(node)}+${textOfPages(pmm.pages.offset[frame]!)}`;
  }

  /** Checks every structure there is; panics with the rule that does not hold. */
  validate(): void {
    const nodes: CowNode[] = [];
    for (const object of this.objects) {
      if (object.isAlive && object instanceof NodeBackedObject) nodes.push(object.node);
    }
    this.kernel.validate(nodes, this.heldFrames());
    for (const pager of this.pagers) pager.validate();
  }

  private ownerName(node: CowNode): string {
    const { object } = node;
    if (object === null) return `node ${node.id}`;
    return this.names.nameOf(object) ?? object.name;
  }

  /** Frames in lists. Operations that wait may hold some too, which nobody can count from outside. */
  private heldFrames(): number {
    const { pmm, compressor } = this.memory;
    if (this.threads.count > 0) return pmm.pages.countOf(PageState.ALLOC) - compressor.frameCount;
    let held = 0;
    for (const list of this.lists) {
      for (let at = list.nextPopulated(0); at < list.count; at = list.nextPopulated(at + 1)) {
        if (slotKind(list.get(at)) === SlotKind.PAGE) held++;
      }
    }
    return held;
  }
}

/** A defect with a misspelt name would be searched for in vain. */
function assertQuirks({ name, quirks }: Architecture, ids: readonly string[]): void {
  const known = [...quirks, ...REGION_QUIRKS].map(({ id }) => id);
  const unknown = ids.find((id) => !known.includes(id));
  if (unknown === undefined) return;
  throw new Unplayable(`quirks: expected one of ${known.join(", ")} on ${name}, found ${unknown}`);
}

/** The kernel's own address space has a name from the start. */
export const KERNEL_NAME = "kernel";
