import type { Creation } from "../operation.ts";

/** What a pager thinks of a page. Of other objects, all pages are `untracked`. */
export type PageState = "untracked" | "absent" | "clean" | "dirty" | "awaiting-clean";

/** What one page of an object is, and what is known about its frame. */
export interface Cell {
  /** The word at its beginning. */
  value: number;
  state: PageState;
  /** Known to have a frame. False says nothing. */
  committed: boolean;
  /** Pages with one number may share a frame, which nobody writes then; 0 for none. */
  share: number;
}

/** Objects that were copied from each other and live, and the last number that was given to a shared frame. */
export interface Family {
  readonly members: Set<ModelObject>;
  lastShare: number;
}

/**
 * A memory object as an array of pages, and a copy of one as another array. It knows nothing of trees:
 * whoever was copied from the other is in one family.
 */
export class ModelObject {
  readonly creation: Creation;
  readonly cells: Cell[];
  readonly family: Family;
  holders = 1;
  hasSlot = true;
  highMappings = 0;
  pins: { readonly page: number; readonly count: number }[] = [];
  isDetached = false;
  /** First of its frames, of a physical object. */
  readonly firstFrame: number;

  constructor(
    creation: Creation,
    firstFrame: number = -1,
    family: Family = { members: new Set(), lastShare: 0 },
  ) {
    this.creation = creation;
    this.firstFrame = firstFrame;
    this.family = family;
    family.members.add(this);
    this.cells = Array.from({ length: creation.pages }, () => this.freshCell());
  }

  get size(): number {
    return this.cells.length;
  }

  get isPager(): boolean {
    return this.creation.type === "pager" || this.creation.type === "trapping-pager";
  }

  get trapsDirty(): boolean {
    return this.creation.type === "trapping-pager";
  }

  get isPhysical(): boolean {
    return this.creation.type === "physical";
  }

  get isVdso(): boolean {
    return this.creation.type === "vdso";
  }

  get cachePolicy(): number {
    return this.isPhysical ? this.creation.cachePolicy : 0;
  }

  get isAlive(): boolean {
    return this.holders > 0;
  }

  freshCell(): Cell {
    return { value: 0, state: this.isPager ? "absent" : "untracked", committed: false, share: 0 };
  }

  letGo(): void {
    this.holders--;
    if (this.holders === 0) this.family.members.delete(this);
  }

  contains(page: number, count: number): boolean {
    return page + count <= this.size;
  }

  isPinned(page: number, count: number): boolean {
    return this.pins.some((pin) => pin.page < page + count && page < pin.page + pin.count);
  }

  /** All that was known about frames is forgotten: an operation failed on the way. */
  blur(): void {
    for (const cell of this.cells) {
      cell.committed = false;
      cell.share = 0;
    }
  }

  /** A page that is written is its object's own. */
  own(page: number): Cell {
    const cell = this.cells[page]!;
    cell.committed = true;
    cell.share = 0;
    if (this.isPager) cell.state = "dirty";
    return cell;
  }

  clear(page: number, count: number): void {
    for (let at = page; at < page + count; at++) this.cells[at] = this.freshCell();
  }

  /** An eager copy of pages; behind the end they are zero. */
  copy(creation: Creation, page: number): ModelObject {
    const child = new ModelObject(creation, -1, this.family);
    // What the copy does not see is set aside as well.
    for (const cell of this.cells) if (cell.share === 0) cell.share = ++this.family.lastShare;
    for (let at = 0; at < creation.pages; at++) {
      const cell = this.cells[page + at];
      if (cell !== undefined) child.cells[at] = { ...cell };
    }
    return child;
  }

  /** Whether a page's frame may be somebody else's as well. */
  isShared(page: number): boolean {
    const { share } = this.cells[page]!;
    if (share === 0) return false;
    for (const other of this.family.members) {
      if (other !== this && other.cells.some((cell) => cell.share === share)) return true;
    }
    return false;
  }
}
