import {
  type ArchSystem,
  type ArchVmAspace,
  AspaceKind,
  type AspaceProfile,
  type BootOptions,
  type CpuId,
  type Hardware,
  KernelPanic,
  NO_FRAME,
  Status,
} from "@aspace/arch";
import { type AddressSpaceTag, PageTable, engineQuirks } from "@aspace/page-table";
import type { TinyFormats } from "./format.ts";
import {
  FIRST_GUEST_TAG,
  FIRST_USER_TAG,
  KERNEL_TAG,
  RESET_CONTEXT,
  type TinyContext,
} from "./registers.ts";
import { KernelTag, PooledTag, TagPool } from "./tlb.ts";
import { TinyMmu } from "./walk.ts";

/** An aspace with a tag from a pool. */
class TaggedAspace extends PageTable {
  readonly pooledTag: PooledTag;

  constructor(system: TinySystem, kind: "user" | "guest", pooledTag: PooledTag) {
    super(system.pageTableOptions(kind, pooledTag));
    this.pooledTag = pooledTag;
  }
}

/** What a variant is made of. */
export interface TinyDesign {
  readonly formats: TinyFormats;
  readonly aspaces: Readonly<Record<AspaceKind, AspaceProfile>>;
}

export class TinySystem implements ArchSystem {
  readonly #hardware: Hardware;
  readonly #design: TinyDesign;
  readonly #options: BootOptions;
  readonly #pools: Readonly<Record<"user" | "guest", TagPool>>;
  readonly #kernel: PageTable;
  /** What each CPU runs besides the kernel. */
  readonly #running: (TaggedAspace | null)[];

  constructor(design: TinyDesign, hardware: Hardware, options: BootOptions) {
    this.#design = design;
    this.#hardware = hardware;
    this.#options = options;
    this.#pools = {
      user: new TagPool(FIRST_USER_TAG, options.tagLimit),
      guest: new TagPool(FIRST_GUEST_TAG, options.tagLimit),
    };
    this.#kernel = new PageTable(this.pageTableOptions(AspaceKind.KERNEL, new KernelTag(hardware)));
    this.#running = hardware.mmus.map(() => null);
  }

  get kernel(): ArchVmAspace {
    if (this.#kernel.rootPfn === NO_FRAME)
      throw new KernelPanic("P-L2", "the kernel has no tables");
    return this.#kernel;
  }

  start(): Status {
    const status = this.#kernel.init();
    if (status !== Status.OK) return status;
    for (let cpu = 0; cpu < this.#running.length; cpu++) this.contextSwitch(cpu, null);
    return Status.OK;
  }

  createAspace(kind: "user" | "guest"): ArchVmAspace {
    return new TaggedAspace(this, kind, new PooledTag(this.#hardware, this.#pools[kind]));
  }

  contextSwitch(cpu: CpuId, to: ArchVmAspace | null): void {
    if (to !== null && !(to instanceof TaggedAspace)) {
      throw new KernelPanic("P-T7", "a CPU can switch to user and guest aspaces only");
    }
    const mmu = this.#hardware.mmus[cpu];
    if (!(mmu instanceof TinyMmu)) throw new KernelPanic("P-T7", `there is no CPU ${cpu}`);
    to?.pooledTag.switchIn(cpu);
    to?.noteActive();
    mmu.load(this.#contextOf(to));
    const from = this.#running[cpu];
    if (from !== to) from?.pooledTag.switchOut(cpu);
    this.#running[cpu] = to;
  }

  pageTableOptions(
    kind: AspaceKind,
    tag: AddressSpaceTag,
  ): ConstructorParameters<typeof PageTable>[0] {
    const { baseVpn, pageCount } = this.#design.aspaces[kind];
    return {
      kind,
      format: this.#design.formats[kind],
      baseVpn,
      pageCount,
      hardware: this.#hardware,
      tag,
      quirks: engineQuirks(this.#options.quirks),
      rootCopy: null,
    };
  }

  #contextOf(to: TaggedAspace | null): TinyContext {
    const upperRoot = this.#kernel.rootPfn;
    if (to === null) return { ...RESET_CONTEXT, upperRoot, tag: KERNEL_TAG };
    const { value: tag } = to.pooledTag;
    const isGuest = to.kind === AspaceKind.GUEST;
    return { lowerRoot: to.rootPfn, upperRoot: isGuest ? NO_FRAME : upperRoot, tag };
  }
}
