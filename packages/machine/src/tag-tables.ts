import type { Tag } from "@aspace/arch";
import { RangeTable } from "./range-table.ts";

/** One `RangeTable` per tag, made when a tag is first used. */
export class TagTables {
  /** The tags in use, and at the same positions their tables. */
  private readonly tags: Tag[] = [];
  private readonly tables: RangeTable[] = [];
  private readonly positions = new Map<Tag, number>();
  /** Empty tables of earlier lives. */
  private readonly pool: RangeTable[] = [];
  private lastTag: Tag = 0;
  private last: RangeTable;

  constructor() {
    this.last = this.create(this.lastTag);
  }

  /** The table of a tag. Asking again for the tag asked last is the fast case. */
  of(tag: Tag): RangeTable {
    if (tag === this.lastTag) return this.last;
    this.last = this.existing(tag) ?? this.create(tag);
    this.lastTag = tag;
    return this.last;
  }

  /** The table of a tag that has been used. */
  existing(tag: Tag): RangeTable | undefined {
    const position = this.positions.get(tag);
    return position === undefined ? undefined : this.tables[position];
  }

  /** How many tags are in use. */
  get count(): number {
    return this.tables.length;
  }

  tagAt(position: number): Tag {
    return this.tags[position]!;
  }

  tableAt(position: number): RangeTable {
    return this.tables[position]!;
  }

  /** Power-on. */
  reset(): void {
    for (const table of this.tables) {
      table.clear();
      this.pool.push(table);
    }
    this.tags.length = 0;
    this.tables.length = 0;
    this.positions.clear();
    this.last = this.create(this.lastTag);
  }

  private create(tag: Tag): RangeTable {
    const table = this.pool.pop() ?? new RangeTable();
    this.positions.set(tag, this.tables.length);
    this.tags.push(tag);
    this.tables.push(table);
    return table;
  }
}
