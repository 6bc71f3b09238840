import type { Vpn } from "@aspace/arch";

/**
 * What one operation has to invalidate, collected while it edits and executed once at its end: a
 * bounded list of pages, or everything. Reused by the aspace, so collecting allocates nothing.
 */
export class InvalidationBatch {
  /** The pages, in `[0, count)`; meaningless when `everything` is set. */
  readonly vpns: Float64Array;
  count = 0;
  /** More pages than the list holds, or a change that no list of pages covers. */
  everything = false;
  /** A table was unlinked, or the accessed mark of a table entry was cleared: walk caches go too. */
  tables = false;

  constructor(limit: number) {
    this.vpns = new Float64Array(limit);
  }

  /** A leaf covering `vpn` was removed, restricted, retargeted or lost its accessed bit. */
  addPage(vpn: Vpn): void {
    if (this.count < this.vpns.length) this.vpns[this.count++] = vpn;
    else this.everything = true;
  }

  /** The table translating `vpn` was unlinked. */
  addTable(vpn: Vpn): void {
    this.tables = true;
    if (this.count === 0 || this.vpns[this.count - 1] !== vpn) this.addPage(vpn);
  }

  /** Nothing short of the whole tag will do. */
  addEverything(): void {
    this.everything = true;
    this.tables = true;
  }

  isEmpty(): boolean {
    return this.count === 0 && !this.everything;
  }

  clear(): void {
    this.count = 0;
    this.everything = false;
    this.tables = false;
  }
}
