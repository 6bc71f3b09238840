import type { Pfn } from "@aspace/arch";
import type { ObjectMapping } from "@aspace/vm";

/** One page as an address space shows it. */
export interface Translation {
  readonly frame: Pfn;
  isWritable: boolean;
}

/**
 * A mapping of a whole object that never forgets: what faults installed stays until the object says that it
 * must go. So a translation that is not right any more is one that the object forgot to mention (P13, P14).
 */
export class ShownMapping implements ObjectMapping {
  readonly aspaceIdentity: object = this;
  readonly isInUserAspace = true;
  /** By page of the object. */
  readonly translations: Map<number, Translation> = new Map();
  /** Pages of which it was said that they lost their last pin, in that order. */
  unpinned: number[] = [];

  install(page: number, frame: Pfn, isWritable: boolean): void {
    this.translations.set(page, { frame, isWritable });
  }

  aspaceUnmapLockedObject(page: number, count: number): void {
    for (const shown of this.translations.keys()) {
      if (shown >= page && shown < page + count) this.translations.delete(shown);
    }
  }

  aspaceRemoveWriteLockedObject(page: number, count: number): void {
    for (const [shown, translation] of this.translations) {
      if (shown >= page && shown < page + count) translation.isWritable = false;
    }
  }

  aspaceDebugUnpinLockedObject(page: number, count: number): void {
    for (let at = page; at < page + count; at++) this.unpinned.push(at);
  }
}
