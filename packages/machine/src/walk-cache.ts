import {
  GUEST_TAGS,
  Invalidate,
  KernelPanic,
  formatAddress,
  type CpuId,
  type InvalidationScope,
  type Mmu,
  type Pfn,
  type Tag,
  type Vpn,
  type WalkCache,
} from "@aspace/arch";
import type { CachedFrames } from "./cached-frames.ts";
import { FrameOwner, ownerName, type Frames } from "./frames.ts";
import { ENTRY_WORDS, NO_ENTRY, PAYLOAD, type RangeTable } from "./range-table.ts";
import { TagTables } from "./tag-tables.ts";

const RIGHTS = PAYLOAD;
const LEVEL = PAYLOAD + 1;
const TABLE_LOW = PAYLOAD + 2;
const TABLE_HIGH = PAYLOAD + 3;

/** The frame of the table that an entry leads to. */
export function tableFrameOf(table: RangeTable, entry: number): Pfn {
  return table.words[entry + TABLE_HIGH]! * 2 ** 32 + (table.words[entry + TABLE_LOW]! >>> 0);
}

/** The level of the entries in that table. */
export function tableLevelOf(table: RangeTable, entry: number): number {
  return table.words[entry + LEVEL]!;
}

/**
 * A CPU's cache of table entries: x86 paging-structure caches (SDM vol. 3, 4.10.3), Arm intermediate
 * walk caches. Like the TLB it keeps everything until told otherwise, always under a tag.
 */
export class PagingStructureCache implements WalkCache {
  readonly tags: TagTables = new TagTables();
  level = 0;
  table: Pfn = 0;
  rights = 0;
  private readonly cpu: CpuId;
  private readonly frames: Frames;
  private readonly cached: CachedFrames;
  /** log2 of the pages that a table of each level translates. */
  private readonly tablePages: Mmu["tablePages"];

  constructor(cpu: CpuId, frames: Frames, cached: CachedFrames, tablePages: Mmu["tablePages"]) {
    this.cpu = cpu;
    this.frames = frames;
    this.cached = cached;
    this.tablePages = tablePages;
  }

  /** Entries under all tags. */
  get count(): number {
    let count = 0;
    for (let i = 0; i < this.tags.count; i++) count += this.tags.tableAt(i).count;
    return count;
  }

  /** The deepest cached table of a page. Panics with P-T3 when what it found is no table any more. */
  find(tag: Tag, vpn: Vpn): boolean {
    const steps = this.tags.of(tag);
    const entry = steps.find(vpn);
    if (entry === NO_ENTRY) return false;
    this.level = tableLevelOf(steps, entry);
    this.table = tableFrameOf(steps, entry);
    this.rights = steps.words[entry + RIGHTS]!;
    if (this.frames.ownerOf(this.table) !== FrameOwner.TABLE) this.panicDangling(tag, vpn);
    return true;
  }

  fill(tag: Tag, vpn: Vpn, level: number, table: Pfn, rights: number): void {
    const pages = this.tablePages[level];
    if (pages === undefined) throw new KernelPanic("K-8", `the MMU has no table level ${level}`);
    const steps = this.tags.of(tag);
    let entry = steps.probe(vpn, pages);
    if (entry === NO_ENTRY) entry = steps.insert(vpn, pages);
    else this.cached.dropTable(tableFrameOf(steps, entry));
    const words = steps.words;
    words[entry + RIGHTS] = rights;
    words[entry + LEVEL] = level;
    words[entry + TABLE_LOW] = table | 0;
    words[entry + TABLE_HIGH] = (table * 2 ** -32) | 0;
    this.cached.addTable(table);
  }

  /** Executes the walk-cache part of an invalidation. */
  invalidate(scope: InvalidationScope, tag: Tag, vpn: Vpn): void {
    if ((scope & (Invalidate.WALK_PAGE | Invalidate.WALK_ALL)) === 0) return;
    if ((scope & Invalidate.TAG) !== 0) {
      const own = this.tags.existing(tag);
      if (own !== undefined) this.drop(own, scope, vpn);
      return;
    }
    for (let i = 0; i < this.tags.count; i++) {
      if (this.tags.tagAt(i) >= GUEST_TAGS === tag >= GUEST_TAGS) {
        this.drop(this.tags.tableAt(i), scope, vpn);
      }
    }
  }

  /** Power-on: empty. */
  reset(): void {
    for (let i = 0; i < this.tags.count; i++) this.dropAll(this.tags.tableAt(i));
    this.tags.reset();
  }

  private drop(steps: RangeTable, scope: InvalidationScope, vpn: Vpn): void {
    if ((scope & Invalidate.WALK_ALL) !== 0) {
      this.dropAll(steps);
      return;
    }
    for (let entry = steps.find(vpn); entry !== NO_ENTRY; entry = steps.find(vpn)) {
      this.cached.dropTable(tableFrameOf(steps, entry));
      steps.remove(entry);
    }
  }

  private dropAll(steps: RangeTable): void {
    for (let entry = steps.count * ENTRY_WORDS; entry !== NO_ENTRY; entry -= ENTRY_WORDS) {
      this.cached.dropTable(tableFrameOf(steps, entry));
    }
    steps.clear();
  }

  private panicDangling(tag: Tag, vpn: Vpn): never {
    const owner = ownerName(this.frames.ownerOf(this.table));
    throw new KernelPanic(
      "P-T3",
      `CPU ${this.cpu}, tag ${tag}: the walk cache leads page ${formatAddress(vpn)} to a level ` +
        `${this.level} table in frame ${formatAddress(this.table)}, which is ${owner}`,
    );
  }
}
