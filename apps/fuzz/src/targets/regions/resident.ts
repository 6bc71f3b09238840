import type { VmAddressRegion, VmAspace, VmObject, VmObjectPaged } from "@aspace/vm";
import type { ModelObject } from "./model/model-object.ts";
import type { ModelAspace, ModelVmar } from "./model/model-region.ts";
import type { Chance } from "./model/chance.ts";

/** An address space and its model. */
export interface AspaceResident {
  readonly slot: number;
  readonly real: VmAspace;
  readonly model: ModelAspace;
  /** Page 0 of the program's window. */
  readonly window: number;
  readonly chance: Chance | null;
}

export interface RegionResident {
  readonly aspace: AspaceResident;
  readonly real: VmAddressRegion;
  readonly model: ModelVmar;
}

export interface ObjectResident {
  readonly real: VmObject;
  /** The same, of an object that is made of pages. */
  readonly paged: VmObjectPaged | null;
  readonly model: ModelObject;
}
