import {
  GUEST_TAGS,
  Invalidate,
  KernelPanic,
  formatAddress,
  type AccessMask,
  type CpuId,
  type InvalidationScope,
  type Tag,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import type { CachedFrames } from "./cached-frames.ts";
import { MicroTlb } from "./micro-tlb.ts";
import { ENTRY_WORDS, NO_ENTRY, RangeTable, pagesOf } from "./range-table.ts";
import { TagTables } from "./tag-tables.ts";
import {
  describeLeaf,
  emptyTranslation,
  leafFrameOf,
  readTranslation,
  writeTranslation,
  type Translation,
} from "./translation.ts";

/**
 * What two usable translations of one page may look like.
 *
 * - `panic`: they must have the same size, frame and memory type. The architecture asks for
 *   break-before-make (arm64; Arm ARM, "TLB maintenance requirements"); a difference is a P-T4.
 * - `allowed`: they may differ until they are invalidated, and the CPU uses either (x86; SDM vol. 3,
 *   4.10.2.3). What they say is still judged by P-T1.
 */
export type TlbConflicts = "panic" | "allowed";

/**
 * A CPU's translation lookaside buffer. Unbounded: it keeps every translation until told otherwise,
 * because one that real hardware may or may not have evicted is one that a test may or may not see.
 *
 * Global translations live in a table of their own and serve every first-stage tag. Second-stage
 * translations are never global.
 */
export class Tlb {
  readonly tags: TagTables = new TagTables();
  readonly globals: RangeTable = new RangeTable();
  /** Remembers lookups; forgets them whenever anything here changes. */
  readonly micro: MicroTlb = new MicroTlb();
  private readonly cpu: CpuId;
  private readonly cached: CachedFrames;
  private readonly conflicts: TlbConflicts;
  private readonly held: Translation = emptyTranslation();

  constructor(cpu: CpuId, cached: CachedFrames, conflicts: TlbConflicts) {
    this.cpu = cpu;
    this.cached = cached;
    this.conflicts = conflicts;
  }

  /** Entries under all tags, global ones included. */
  get count(): number {
    let count = this.globals.count;
    for (let i = 0; i < this.tags.count; i++) count += this.tags.tableAt(i).count;
    return count;
  }

  /** The translation that an access under `tag` uses: the tag's own before global, small before large. */
  lookup(tag: Tag, vpn: Vpn, out: Translation): boolean {
    let table = this.tags.of(tag);
    let entry = table.find(vpn);
    if (entry === NO_ENTRY && tag < GUEST_TAGS) {
      table = this.globals;
      entry = table.find(vpn);
    }
    if (entry === NO_ENTRY) return false;
    readTranslation(table, entry, vpn, out);
    return true;
  }

  /** Caches what a walk found, in place of an older translation of the same range. */
  fill(tag: Tag, vpn: Vpn, walk: Walk, ready: AccessMask): void {
    this.checkConflicts(tag, vpn, walk);
    const table = this.tableFor(tag, walk);
    let entry = table.probe(vpn, walk.leafPages);
    if (entry === NO_ENTRY) entry = table.insert(vpn, walk.leafPages);
    else this.cached.dropLeaf(leafFrameOf(table, entry), walk.leafPages);
    writeTranslation(table, entry, vpn, walk, ready);
    this.micro.forget();
    this.cached.addLeaf(leafFrameOf(table, entry), walk.leafPages);
  }

  /** The same, but an older translation of the same range stays: what a stale one can do must show. */
  fillAbsent(tag: Tag, vpn: Vpn, walk: Walk, ready: AccessMask): void {
    const older = this.tableFor(tag, walk).probe(vpn, walk.leafPages);
    if (older === NO_ENTRY) this.fill(tag, vpn, walk, ready);
    else this.checkConflicts(tag, vpn, walk);
  }

  /** Executes the translation part of an invalidation. */
  invalidate(scope: InvalidationScope, tag: Tag, vpn: Vpn): void {
    this.micro.forget();
    if ((scope & Invalidate.TAG) !== 0) {
      const own = this.tags.existing(tag);
      if (own !== undefined) this.drop(own, scope, vpn);
    } else {
      for (let i = 0; i < this.tags.count; i++) {
        if (this.tags.tagAt(i) >= GUEST_TAGS === tag >= GUEST_TAGS) {
          this.drop(this.tags.tableAt(i), scope, vpn);
        }
      }
    }
    if ((scope & Invalidate.GLOBAL) !== 0 && tag < GUEST_TAGS) this.drop(this.globals, scope, vpn);
  }

  /** Power-on: empty. */
  reset(): void {
    for (let i = 0; i < this.tags.count; i++) this.dropAll(this.tags.tableAt(i));
    this.dropAll(this.globals);
    this.tags.reset();
    this.micro.forget();
  }

  private tableFor(tag: Tag, walk: Walk): RangeTable {
    return walk.global && tag < GUEST_TAGS ? this.globals : this.tags.of(tag);
  }

  private drop(table: RangeTable, scope: InvalidationScope, vpn: Vpn): void {
    if ((scope & Invalidate.PAGE) === 0) {
      this.dropAll(table);
      return;
    }
    for (let entry = table.find(vpn); entry !== NO_ENTRY; entry = table.find(vpn)) {
      this.cached.dropLeaf(leafFrameOf(table, entry), table.sizeOf(entry));
      table.remove(entry);
    }
  }

  private dropAll(table: RangeTable): void {
    for (let entry = table.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
      this.cached.dropLeaf(leafFrameOf(table, entry), table.sizeOf(entry));
    }
    table.clear();
  }

  /** P-T4: a new translation must not differ from usable ones where the architecture forbids it. */
  private checkConflicts(tag: Tag, vpn: Vpn, walk: Walk): void {
    if (this.conflicts === "allowed") return;
    this.checkConflictsIn(this.tags.of(tag), tag, vpn, walk);
    if (tag < GUEST_TAGS) this.checkConflictsIn(this.globals, tag, vpn, walk);
  }

  private checkConflictsIn(table: RangeTable, tag: Tag, vpn: Vpn, walk: Walk): void {
    for (let entry = table.find(vpn); entry !== NO_ENTRY; entry = table.findLarger(entry, vpn)) {
      readTranslation(table, entry, vpn, this.held);
      const same =
        this.held.leafPages === walk.leafPages &&
        this.held.pfn === walk.pfn &&
        this.held.memoryType === walk.memoryType;
      if (!same) this.panicConflict(tag, vpn, walk);
    }
    if (!table.hasSmaller(walk.leafPages)) return;
    const leafPageCount = pagesOf(walk.leafPages);
    const firstVpn = vpn - (vpn % leafPageCount);
    for (let entry = table.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
      const place = table.vpnOf(entry) - firstVpn;
      const inside = place >= 0 && place < leafPageCount;
      if (!inside || table.sizeOf(entry) >= walk.leafPages) continue;
      readTranslation(table, entry, table.vpnOf(entry), this.held);
      this.panicConflict(tag, vpn, walk);
    }
  }

  /** `held` is the translation in the way. */
  private panicConflict(tag: Tag, vpn: Vpn, walk: Walk): never {
    throw new KernelPanic(
      "P-T4",
      `CPU ${this.cpu}, tag ${tag}: TLB conflict: holds ${formatAddress(this.held.leafVpn)} ` +
        `as ${describeLeaf(this.held)}; caches ${formatAddress(vpn)} as ${describeLeaf(walk)}`,
    );
  }
}
