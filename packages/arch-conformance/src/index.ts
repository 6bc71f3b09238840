export { PropertyFailure } from "./check.ts";
export {
  conform,
  type ConformOptions,
  type ConformanceReport,
  type PropertyOutcome,
  type PropertyResult,
} from "./conform.ts";
export { differential, type Contestant } from "./differential.ts";
export { expectedMemoryType, permits, permittedAccesses } from "./effective-permissions.ts";
export { Observer, type FaultReader } from "./observe.ts";
export { PROPERTIES } from "./properties.ts";
export type { Property, PropertyContext } from "./property.ts";
export { Random } from "./random.ts";
export { NO_REFUSAL, ReferenceAspace, type Leaf, type Refusal } from "./reference.ts";
