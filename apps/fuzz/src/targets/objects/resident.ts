import type { VmObjectPaged } from "@aspace/vm";
import { release } from "./model/lifetime.ts";
import type { ModelObject } from "./model/model-object.ts";
import type { ShownMapping } from "./shown-mapping.ts";

/** What an object's attribution was, and of which generation. */
export interface Attributed {
  readonly generation: number;
  readonly bytes: readonly number[];
}

/** A real object and what it should be. Lives as long as anyone holds it, also without a slot. */
export class Resident {
  readonly object: VmObjectPaged;
  readonly model: ModelObject;
  /** Number of the operation that made it; names it in messages. */
  readonly serial: number;
  mapping: ShownMapping | null = null;
  attributed: Attributed | null = null;
  /** How often the object said that its last child went. */
  farewells = 0;

  constructor(object: VmObjectPaged, model: ModelObject, serial: number) {
    this.object = object;
    this.model = model;
    this.serial = serial;
    object.onZeroChildren = (): void => void this.farewells++;
  }

  get isAlive(): boolean {
    return this.model.isAlive;
  }

  get isHigh(): boolean {
    return this.model.highMappings > 0;
  }

  hold(): void {
    this.object.retain();
    this.model.holders++;
  }

  letGo(): void {
    this.object.release();
    release(this.model);
  }
}
