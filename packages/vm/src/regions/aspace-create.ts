import { Status } from "@aspace/arch";
import type { Result } from "../objects/blocking.ts";
import { isInRange, type Extent } from "./extent.ts";
import { VmAspace, type AspaceOptions } from "./vm-aspace.ts";

/**
 * An address space over page tables that were initialised: all of what they translate, or a range
 * of it. INVALID_ARGS unless the range has pages and lies inside, whatever its end is past.
 */
export function createAspace(options: AspaceOptions): Result<VmAspace> {
  const { arch, range } = options;
  const window: Extent = { base: arch.baseVpn, pageCount: arch.pageCount };
  const isPart = range === undefined || isPartOf(window, range);
  return isPart ? new VmAspace(options) : Status.INVALID_ARGS;
}

function isPartOf(window: Extent, { base, pageCount }: Extent): boolean {
  return pageCount > 0 && isInRange(window, base, pageCount);
}
