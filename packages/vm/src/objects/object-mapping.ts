/**
 * What a memory object asks of a mapping of it. Called with the object's lock held and never with an
 * aspace lock, so none of these may take one. Pages count from the start of the object; a range may
 * reach beyond what the mapping shows.
 */
export interface ObjectMapping {
  /** The address space it is in, only to tell them apart. */
  readonly aspaceIdentity: object;
  /** Whether that is a process's. */
  readonly isInUserAspace: boolean;
  /** Drops every translation of the range. */
  aspaceUnmapLockedObject(page: number, count: number): void;
  /** Drops the permission to write from every translation of the range. */
  aspaceRemoveWriteLockedObject(page: number, count: number): void;
  /** Panics when a kernel mapping would lose the pins under it. */
  aspaceDebugUnpinLockedObject(page: number, count: number): void;
}
