export { Lock, LockOrder, LockRank } from "../lock.ts";
export { AllocationFailures } from "./allocation-failures.ts";
export { NOTHING_ATTRIBUTED, type AttributionCounts } from "./attribution-counts.ts";
export { isValue, type Blocking, type Result } from "./blocking.ts";
export { MAX_OBJECT_BYTES } from "./byte-range.ts";
export { CloneKind } from "./clone.ts";
export {
  CompressionOutcome,
  beginCompression,
  finishCompression,
  type Compression,
} from "./compression.ts";
export { Compressor } from "./compressor.ts";
export { CowNode, NodeKind } from "./cow-node.ts";
export {
  createContiguousObject,
  createObject,
  createPagerObject,
  type ContiguousObjectOptions,
  type ObjectOptions,
  type PagerObjectOptions,
} from "./create-object.ts";
export type { DirtyRange } from "./dirty-ranges.ts";
export { DiscardableState, DiscardableTracker } from "./discardable.ts";
export { complete } from "./driving.ts";
export { dumpNode } from "./dump.ts";
export { Hierarchy } from "./hierarchy.ts";
export { LookupCursor, PageAccess } from "./lookup-cursor.ts";
export { Visit, type LookupVisit } from "./lookup.ts";
export { AnonymousReclaim, MemorySystem, type MemorySystemOptions } from "./memory-system.ts";
export { NodeBackedObject } from "./node-backed-object.ts";
export type { CloneOptions, ReferenceOptions, SliceOptions } from "./object-children.ts";
export type { ObjectMapping } from "./object-mapping.ts";
export { LazyPageRequest, RequestType } from "./page-request.ts";
export { MemoryQueues, Queue } from "./page-queues.ts";
export { PageSource, type PageProvider } from "./page-source.ts";
export { DirtyState, MAX_PIN_COUNT, PageState } from "./pages.ts";
export { AllocationPolicy, Pmm } from "./pmm.ts";
export { RangeChange } from "./range-change.ts";
export { HintAction, ReclaimResult, reclaimPage } from "./reclaim.ts";
export { scanStep, type ScanLimits, type ScanResult } from "./scanner.ts";
export {
  DIRTY_INTERVAL_SLOT,
  SlotKind,
  pageSlot,
  slotKind,
  slotPage,
  slotReference,
  type Slot,
} from "./slot.ts";
export { SpliceList } from "./splice-list.ts";
export type { Transfer } from "./transfer.ts";
export { PacketType, UserPager, type PagerPacket, type PagerSourceOptions } from "./user-pager.ts";
export { validateSystem } from "./validate.ts";
export { CachePolicy, ChildType, Hint, VmObject } from "./vm-object.ts";
export { VmObjectPaged, type DiscardedMemory } from "./vm-object-paged.ts";
export {
  VmObjectPhysical,
  createPhysicalObject,
  type PhysicalObjectOptions,
} from "./vm-object-physical.ts";
export { WritebackKind } from "./writeback.ts";
export { dedupZeroPage } from "./zero-dedup.ts";
