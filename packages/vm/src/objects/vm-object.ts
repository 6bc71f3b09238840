import { KernelPanic, Status, type Pfn } from "@aspace/arch";
import type { AttributionCounts } from "./attribution-counts.ts";
import { finished, type Blocking, type Result } from "./blocking.ts";
import type { Hierarchy } from "./hierarchy.ts";
import type { PageAccess } from "./lookup-cursor.ts";
import type { LookupVisit } from "./lookup.ts";
import type { MemorySystem } from "./memory-system.ts";
import type { CloneOptions, ReferenceOptions, SliceOptions } from "./object-children.ts";
import type { ObjectMapping } from "./object-mapping.ts";
import type { Transfer } from "./transfer.ts";

/** How mappings of an object are cached. The numbers are those of the cache field of MMU flags. */
export const CachePolicy = {
  CACHED: 0,
  UNCACHED: 1,
  UNCACHED_DEVICE: 2,
  WRITE_COMBINING: 3,
} as const;
export type CachePolicy = (typeof CachePolicy)[keyof typeof CachePolicy];

/** Whether a number is a policy, and has no bit beside it. */
export function isCachePolicy(policy: number): policy is CachePolicy {
  return policy === (policy & CACHE_POLICY_MASK);
}

/** Bits that a cache policy may use. */
const CACHE_POLICY_MASK = 3;

/** What somebody knows about the future of a range. */
export const Hint = {
  /** It will be used: read it in and keep it. */
  ALWAYS_NEED: "always-need",
  /** It will not be used soon: evict it first. */
  DONT_NEED: "dont-need",
} as const;
export type Hint = (typeof Hint)[keyof typeof Hint];

/** Bytes of a name, without the terminator. */
const MAX_NAME_BYTES = 31;

/** How a child came to be, as `child_type` reports it. */
export const ChildType = {
  NOT_CHILD: "not-child",
  CLONE: "clone",
  SLICE: "slice",
  REFERENCE: "reference",
} as const;
export type ChildType = (typeof ChildType)[keyof typeof ChildType];

/**
 * A memory object: bytes that can be mapped. This half knows what all kinds share: who maps it, what
 * it is called, and its place among parents and children.
 *
 * Two trees must not be confused. The tree here mirrors the calls that created children. The tree of
 * `CowNode`s decides who shares which page, and a clone may hang elsewhere there.
 *
 * An object lives while someone holds it: handles, mappings, operations in progress. `retain` and
 * `release` count the holders; the last `release` destroys it.
 */
export abstract class VmObject {
  readonly system: MemorySystem;
  readonly hierarchy: Hierarchy;
  readonly childType: ChildType;
  readonly mappings: Set<ObjectMapping> = new Set();
  readonly children: Set<VmObject> = new Set();
  parent: VmObject | null = null;
  /** Captured at creation: it outlives the parent. */
  readonly parentUserId: number;
  protected policy: CachePolicy;
  private id = 0;
  private text = "";
  private holders = 1;
  /** Called after the last child went, with no lock held. */
  onZeroChildren: (() => void) | null = null;

  protected constructor(options: {
    readonly system: MemorySystem;
    readonly hierarchy: Hierarchy;
    readonly childType: ChildType;
    readonly parent: VmObject | null;
    readonly policy: CachePolicy;
  }) {
    this.system = options.system;
    this.hierarchy = options.hierarchy;
    this.childType = options.childType;
    this.policy = options.policy;
    this.parentUserId = options.parent?.userId ?? 0;
    if (options.parent !== null) {
      this.parent = options.parent;
      options.parent.children.add(this);
    }
  }

  /** Pages. */
  abstract get sizePages(): number;
  abstract get isPaged(): boolean;
  abstract get isContiguous(): boolean;
  abstract get isResizable(): boolean;
  abstract get isDiscardable(): boolean;
  /** Whether the root of its tree has a pager, which is also true of clones. */
  abstract get isUserPagerBacked(): boolean;
  /** Whether this object's own node has a pager, so that writes must be announced. */
  abstract get isDirtyTracked(): boolean;
  /** Bytes charged to this object for pages `[page, page + count)`, cut to its size; nothing where they begin behind its end. */
  abstract attributedMemoryInRange(page: number, count: number): AttributionCounts;
  /** Whether every page of the range is there and pinned. */
  abstract isRangePinned(page: number, count: number): boolean;
  /** Called once, when nobody holds the object any more. */
  protected abstract destroy(): void;
  /** What the id means to the tree of nodes. */
  protected abstract identify(id: number): void;

  /** 0 until set. */
  get userId(): number {
    return this.id;
  }

  /** Panics with O-V2 on a second call. */
  setUserId(id: number): void {
    if (this.id !== 0) throw new KernelPanic("O-V2", `object ${this.id} already has its id`);
    this.id = id;
    this.identify(id);
  }

  get name(): string {
    return this.text;
  }

  /** Cut to 31 bytes of UTF-8 without a word, and never inside a character. */
  setName(name: string): void {
    let bytes = 0;
    this.text = "";
    for (const character of name) {
      bytes += utf8Bytes(character);
      if (bytes > MAX_NAME_BYTES) return;
      this.text += character;
    }
  }

  get cachePolicy(): CachePolicy {
    return this.policy;
  }

  retain(): void {
    if (this.holders === 0) throw new KernelPanic("O-V5", "an object is held after its end");
    this.holders++;
  }

  /** Lets go; the last one destroys the object, for which it takes the lock. Panics with O-V3 while it is mapped. */
  release(): void {
    if (this.holders === 0) throw new KernelPanic("O-V5", "an object is released after its end");
    this.holders--;
    if (this.holders > 0) return;
    if (this.mappings.size > 0) {
      throw new KernelPanic("O-V3", "an object dies while it is mapped");
    }
    this.destroy();
  }

  get isAlive(): boolean {
    return this.holders > 0;
  }

  /** How many hold the object. */
  get holderCount(): number {
    return this.holders;
  }

  addMappingLocked(mapping: ObjectMapping): void {
    this.hierarchy.lock.assertHeld();
    if (this.mappings.has(mapping)) throw new KernelPanic("O-V3", "a mapping is listed twice");
    this.mappings.add(mapping);
  }

  removeMappingLocked(mapping: ObjectMapping): void {
    this.hierarchy.lock.assertHeld();
    if (!this.mappings.delete(mapping)) throw new KernelPanic("O-V3", "a mapping is not listed");
  }

  get isMappedByUser(): boolean {
    for (const mapping of this.mappings) if (mapping.isInUserAspace) return true;
    return false;
  }

  /** Address spaces that map the object, but 1 when it has fewer than two mappings. */
  get shareCount(): number {
    if (this.mappings.size < 2) return 1;
    return new Set(Array.from(this.mappings, ({ aspaceIdentity }) => aspaceIdentity)).size;
  }

  /** Refuses bits outside the policy with INVALID_ARGS; what else it refuses is the kind's. */
  abstract setCachePolicy(policy: number): Status;

  // What every kind can be asked. Offsets and lengths are bytes, unsigned 64-bit. Kinds that cannot
  // do a thing answer NOT_SUPPORTED whatever the arguments, but hints and priorities are only advice.

  commitRange(_offset: bigint, _length: bigint): Blocking<Status> {
    return finished(Status.NOT_SUPPORTED);
  }

  decommitRange(_offset: bigint, _length: bigint): Status {
    return Status.NOT_SUPPORTED;
  }

  zeroRange(_offset: bigint, _length: bigint): Blocking<Status> {
    return finished(Status.NOT_SUPPORTED);
  }

  read(_offset: bigint, _into: Uint8Array): Blocking<Transfer> {
    return finished({ status: Status.NOT_SUPPORTED, bytes: 0 });
  }

  write(_offset: bigint, _from: Uint8Array): Blocking<Transfer> {
    return finished({ status: Status.NOT_SUPPORTED, bytes: 0 });
  }

  resize(_size: bigint): Status {
    return Status.NOT_SUPPORTED;
  }

  setSize(_size: bigint): Blocking<Status> {
    return finished(Status.NOT_SUPPORTED);
  }

  hintRange(_offset: bigint, _length: bigint, _hint: Hint): Blocking<Status> {
    return finished(Status.OK);
  }

  createClone(_options: CloneOptions): Result<VmObject> {
    return Status.NOT_SUPPORTED;
  }

  createReference(_options: ReferenceOptions): Result<VmObject> {
    return Status.NOT_SUPPORTED;
  }

  abstract createSlice(options: SliceOptions): Result<VmObject>;
  abstract pinRange(offset: bigint, length: bigint, access: PageAccess): Blocking<Status>;
  abstract unpinRange(offset: bigint, length: bigint): void;
  abstract lookup(offset: bigint, length: bigint, visit: LookupVisit): Status;
  abstract lookupContiguous(offset: bigint, length: bigint): Pfn | Status;

  /** A mapping of the object began (+1) or ceased (-1) to have high priority. With the lock held. */
  changeHighPriorityCountLocked(_delta: 1 | -1): void {
    this.hierarchy.lock.assertHeld();
  }

  /** Content is changed through a mapping. With the lock held. */
  markModifiedLocked(): void {
    this.hierarchy.lock.assertHeld();
  }

  /** Gets pages of a high-priority object into memory, as far as that succeeds. Without locks: it may wait. */
  commitHighPriorityPages(_page: number, _count: number): Blocking<void> {
    return finished(undefined);
  }

  /** Leaves the tree of objects: children go to the parent, or become roots. Returns whom to tell that it has no children left. */
  protected leaveFamily(): VmObject | null {
    const { parent } = this;
    for (const child of this.children) {
      child.parent = parent;
      parent?.children.add(child);
    }
    this.children.clear();
    this.parent = null;
    if (parent === null) return null;
    parent.children.delete(this);
    return parent.children.size === 0 ? parent : null;
  }
}

function utf8Bytes(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x1_0000 ? 3 : 4;
}
