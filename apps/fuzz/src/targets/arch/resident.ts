import {
  AspaceKind,
  Status,
  type ArchVmAspace,
  type Architecture,
  type QueryResult,
  type Vpn,
} from "@aspace/arch";
import { Observer, ReferenceAspace, type Leaf, type Refusal } from "@aspace/arch-conformance";
import type { AspaceSlot } from "./operation.ts";

/** Every backend has leaf tables of 512 pages: what a harvest may drop is decided by table. */
const LEAF_TABLE = 512;

const QUERY: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };

/** One live aspace with everything that judges it. */
export class Resident implements Refusal {
  readonly slot: AspaceSlot;
  readonly kind: AspaceKind;
  readonly aspace: ArchVmAspace;
  readonly reference: ReferenceAspace;
  readonly observer: Observer;
  /** Base pages touched since a harvest that must report them. */
  readonly touched: Set<Vpn> = new Set();
  /** Since when statuses may differ between architectures for good reasons. */
  diverged = false;
  /** A CPU was in the aspace at some time since the last check that cleared. */
  entered = false;
  /** Large leaves split so far; whether one had been touched before. */
  splits = 0;
  touchedLarge = false;
  /** FreeUnaccessed passes so far. */
  freePasses = 0;
  /** Which kind of operation was the last on its pages, for the state cells. */
  lastKind = 0;
  /** Leaf tables touched since the last FreeUnaccessed, by the number of their first page / 512. */
  readonly #touchedTables = new Set<number>();

  constructor(slot: AspaceSlot, aspace: ArchVmAspace, architecture: Architecture) {
    this.slot = slot;
    this.kind = aspace.kind;
    this.aspace = aspace;
    this.reference = new ReferenceAspace(aspace.kind, architecture.aspaces[aspace.kind]);
    this.observer = new Observer(architecture, aspace, this.reference);
  }

  vpnOf(page: number): Vpn {
    return this.aspace.baseVpn + page;
  }

  isMapped(vpn: Vpn): boolean {
    return this.aspace.query(vpn, QUERY) === Status.OK;
  }

  /** The large leaf that an edge of the range cuts, or null. */
  leafCutBy(vpn: Vpn, count: number): Readonly<Leaf> | null {
    for (const edge of [vpn, vpn + count]) {
      const leaf = this.reference.lookup(edge);
      if (leaf !== null && leaf.vpn < edge) return leaf;
    }
    return null;
  }

  noteTouch(vpn: Vpn, leaf: Readonly<Leaf>): void {
    if (leaf.pages === 1) this.touched.add(vpn);
    else this.touchedLarge = true;
    this.#touchedTables.add(Math.floor(vpn / LEAF_TABLE));
  }

  /** Whether the page's leaf table was touched since the last FreeUnaccessed. */
  isTableTouched(vpn: Vpn): boolean {
    return this.#touchedTables.has(Math.floor(vpn / LEAF_TABLE));
  }

  /** The entries of a range are new: that they had been touched says nothing any more. */
  forgetPages(vpn: Vpn, count: number): void {
    for (const page of this.touched) {
      if (page >= vpn && page < vpn + count) this.touched.delete(page);
    }
  }

  /** Tables that lost their last page are gone: having been touched says nothing about their successors. */
  forgetEmptyTables(vpn: Vpn, count: number): void {
    const first = Math.floor(vpn / LEAF_TABLE);
    const last = Math.floor((vpn + count - 1) / LEAF_TABLE);
    for (const table of this.#touchedTables) {
      if (table < first || table > last) continue;
      if (this.reference.leavesIn(table * LEAF_TABLE, LEAF_TABLE).length === 0) {
        this.#touchedTables.delete(table);
      }
    }
  }

  /** After FreeUnaccessed, or once nothing is mapped: nobody was here. */
  forgetAllTouches(): void {
    this.touched.clear();
    this.#touchedTables.clear();
  }
}
