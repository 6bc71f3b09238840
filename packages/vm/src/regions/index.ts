export { createAspace } from "./aspace-create.ts";
export {
  dropAllUserPageTables,
  dropUserPageTables,
  enumerateChildren,
  findDeepestRegion,
  type RegionVisitor,
} from "./aspace-children.ts";
export { destroyAspace, freeAspace } from "./aspace-destroy.ts";
export { Detail, dumpAspace } from "./aspace-dump.ts";
export { pageFault, pageFaultOnce, softFault } from "./aspace-fault.ts";
export { harvestAllUserAccessedBits } from "./aspace-harvest.ts";
export { validateAspace, validateRegions } from "./aspace-validate.ts";
export { endOf, type Extent } from "./extent.ts";
export { PageFaultFlag, formatFault, pageFaultFlags, type PageFaultFlags } from "./fault-flags.ts";
export {
  allocateContiguousKernelMemory,
  allocateKernelMemory,
  freeKernelRegion,
  mapObjectInternal,
  type KernelMappingOptions,
  type KernelMemoryOptions,
} from "./kernel-mappings.ts";
export { attributedMemory } from "./mapping-attribution.ts";
export { dumpMapping } from "./mapping-dump.ts";
export { markMergeable } from "./mapping-merge.ts";
export { commitHighMemoryPriority } from "./mapping-priority.ts";
export { protect } from "./mapping-protect.ts";
export { MapRangeCommit, decommitRange, mapRange, type MapRangeOptions } from "./mapping-range.ts";
export { destroy, unmap } from "./mapping-unmap.ts";
export { validateDeadMapping } from "./mapping-validate.ts";
export { memoryUsage, type MemoryUsage } from "./memory-usage.ts";
export { Prng } from "./prng.ts";
export { REGION_QUIRKS, regionQuirks, type RegionQuirks } from "./quirks.ts";
export type { RegionCounters } from "./region-counters.ts";
export {
  UNALIGNED_OFFSET,
  createMapping,
  createSubVmar,
  createVmMapping,
  type CreatedMapping,
  type NewMappingOptions,
  type Placement,
  type SubRegionOptions,
} from "./region-creation.ts";
export { destroyRegion } from "./region-destroy.ts";
export { dumpRegion } from "./region-dump.ts";
export { MappingEnumerator, RegionEnumerator } from "./region-enumerator.ts";
export { attributedMemoryOfRegion, findMappingLocked, findRegion } from "./region-lookup.ts";
export { RegionOperation, operateOnRange } from "./region-operation.ts";
export { setMemoryPriority } from "./region-priority.ts";
export { protectRegion } from "./region-protect.ts";
export {
  FaultMode,
  RegionSystem,
  type FaultTimeoutListener,
  type RegionSystemOptions,
  type VdsoImage,
} from "./region-system.ts";
export { OpChildren, unmapAllowPartial, unmapRegion } from "./region-unmap.ts";
export { reserveSpace } from "./reserve-space.ts";
export { VmAddressRegion } from "./vm-address-region.ts";
export { VmAspace, type Aslr, type AspaceOptions } from "./vm-aspace.ts";
export { Mergeable, VmMapping } from "./vm-mapping.ts";
export { LifeCycle, MemoryPriority, type Region } from "./vm-region.ts";
export { VmarFlags, allowsMmuFlags, canMapFlags, type VmarFlagSet } from "./vmar-flags.ts";
