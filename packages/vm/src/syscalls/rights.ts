import type { VmObject } from "../objects/vm-object.ts";
import { OpChildren } from "../regions/region-unmap.ts";
import type { VmAddressRegion } from "../regions/vm-address-region.ts";

/** What a handle allows its holder, with Zircon's numbers. No other right matters to address regions. */
export const Right = {
  READ: 0x4,
  WRITE: 0x8,
  EXECUTE: 0x10,
  /** To map the object. */
  MAP: 0x20,
  /** To reach into regions inside of a region, and to end them. */
  OP_CHILDREN: 0x80_0000,
} as const;

/** A combination of `Right` bits. */
export type Rights = number;

/**
 * What a process holds of an object, and may do with it. A number that names no object, or one of another type, is refused
 * before any of this: by the table of handles, which is not part of the model.
 */
export interface Handle<T> {
  readonly object: T;
  readonly rights: Rights;
}

export type VmarHandle = Handle<VmAddressRegion>;
export type VmoHandle = Handle<VmObject>;

/** Whether a handle has all of the rights. */
export function hasRights({ rights }: Handle<unknown>, needed: Rights): boolean {
  return (rights & needed) === needed;
}

/** How far a call by this handle reaches. */
export function opChildrenBy(vmar: VmarHandle): OpChildren {
  return hasRights(vmar, Right.OP_CHILDREN) ? OpChildren.YES : OpChildren.NO;
}
