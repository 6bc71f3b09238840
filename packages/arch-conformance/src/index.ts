export {
  expectedMemoryType,
  permits,
  permittedAccesses,
} from "./effective-permissions.ts";
export { Observer, type FaultReader } from "./observe.ts";
export { NO_REFUSAL, ReferenceAspace, type Leaf, type Refusal } from "./reference.ts";
