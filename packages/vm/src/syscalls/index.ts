export { Right, type Handle, type Rights, type VmarHandle, type VmoHandle } from "./rights.ts";
export { vmarAllocate, type AllocatedVmar } from "./vmar-allocate.ts";
export { vmarDestroy } from "./vmar-destroy.ts";
export { vmarMap, type MapArguments, type MappedVmo } from "./vmar-map.ts";
export { VmarOp, vmarOpRange, type OpRangeArguments } from "./vmar-op-range.ts";
export { ALIGN_SHIFT, VmOption, type VmOptions } from "./vmar-options.ts";
export { vmarProtect } from "./vmar-protect.ts";
export { vmarUnmap } from "./vmar-unmap.ts";
