import { PAGE_SHIFT, Status } from "@aspace/arch";
import {
  LifeCycle,
  MemoryPriority,
  OpChildren,
  attributedMemoryOfRegion,
  createSubVmar,
  createVmMapping,
  destroyRegion,
  dumpRegion,
  isValue,
  operateOnRange,
  protectRegion,
  reserveSpace,
  setMemoryPriority,
  unmapAllowPartial,
  unmapRegion,
  type Blocking,
  type NewMappingOptions,
  type VmAddressRegion,
} from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import type { REGION_OPERATIONS } from "../format/region-operations.ts";
import { OK, answer, answerOf, answered, charged } from "./answers.ts";
import { pagesOf, textOfPages } from "./bytes.ts";
import { mmuFlagsOf, vmarFlagsOf } from "./words.ts";
import type { Handlers, World } from "./world.ts";

export const regionHandlers: Handlers<typeof REGION_OPERATIONS> = {
  "region.set-priority": (world, { vmar, priority }) =>
    answered(setMemoryPriority(world.names.findRegion(vmar), priority)),
  "region.create": (world, { as, vmar, flags, alignLog2, offset, size }) => {
    world.names.assertFree(as);
    const created = createSubVmar(world.names.findRegion(vmar), {
      offset: pagesOf(offset ?? "0x0", "offset"),
      pageCount: pagesOf(size, "size"),
      alignShift: alignShiftOf(alignLog2),
      flags: vmarFlagsOf(flags ?? []),
      name: as,
    });
    return answerOf(created, (region) => {
      world.names.define(as, { kind: "vmar", value: region });
      return { value: textOfPages(region.base) };
    });
  },
  "region.map": (world, { as, vmar, flags, alignLog2, offset, vmo, vmoOffset, size, mmuFlags }) => {
    if (as !== undefined) world.names.assertFree(as);
    return map(world, as, world.names.findRegion(vmar), {
      offset: pagesOf(offset ?? "0x0", "offset"),
      pageCount: pagesOf(size, "size"),
      alignShift: alignShiftOf(alignLog2),
      flags: vmarFlagsOf(flags ?? []),
      object: world.vmo(vmo),
      objectOffset: pagesOf(vmoOffset ?? "0x0", "vmoOffset"),
      mmuFlags: mmuFlagsOf(mmuFlags),
    });
  },
  "region.unmap": (world, { vmar, at, length, children }) =>
    answer(
      unmapRegion(
        world.names.findRegion(vmar),
        world.page(at),
        pagesOf(length, "length"),
        childrenOf(children),
      ),
    ),
  "region.protect": (world, { vmar, at, length, mmuFlags, children }) =>
    answer(
      protectRegion(
        world.names.findRegion(vmar),
        world.page(at),
        pagesOf(length, "length"),
        mmuFlagsOf(mmuFlags),
        childrenOf(children),
      ),
    ),
  "region.destroy": (world, { vmar }) => answer(destroyRegion(world.names.findRegion(vmar))),
  "region.op-range": (world, { vmar, operation, at, length, children }) =>
    answered(
      operateOnRange(
        world.names.findRegion(vmar),
        operation,
        world.page(at),
        pagesOf(length, "length"),
        childrenOf(children),
      ),
    ),
  "region.reserve": (world, { vmar, name, at, length, mmuFlags }) =>
    answer(
      reserveSpace(
        world.names.findRegion(vmar),
        name,
        world.page(at),
        pagesOf(length, "length"),
        mmuFlagsOf(mmuFlags),
      ),
    ),
  "region.unmap-allow-partial": (world, { vmar, at, length }) =>
    answer(
      unmapAllowPartial(world.names.findRegion(vmar), world.page(at), pagesOf(length, "length")),
    ),
  "region.attribution": (world, { vmar }) => ({
    ...OK,
    attribution: charged(attributedMemoryOfRegion(world.names.findRegion(vmar))),
  }),
  "region.counts": (world, { vmar }) => {
    const region = world.names.findRegion(vmar);
    const counts = {
      alive: Number(region.state === LifeCycle.ALIVE),
      children: region.regions.count,
      "high-priority": Number(region.memoryPriority === MemoryPriority.HIGH),
    };
    return { ...OK, counts };
  },
  "region.dump": (world, { vmar }) => {
    const region = world.names.findRegion(vmar);
    const { lock } = region.aspace;
    if (!region.isAlive) return answer(Status.BAD_STATE);
    lock.acquire();
    const dump = dumpRegion(region, 0);
    lock.release();
    return { ...OK, dump };
  },
  "vmo.make-vdso": (world, { vmo, codeOffset }) => {
    const object = world.vmo(vmo);
    const codeStartPage = pagesOf(codeOffset, "codeOffset");
    world.kernel.regions.vdsoImages.set(object, { codeStartPage, pageCount: object.sizePages });
    return OK;
  },
};

function* map(
  world: World,
  name: string | undefined,
  parent: VmAddressRegion,
  options: NewMappingOptions,
): Blocking<Seen> {
  const created = yield* createVmMapping(parent, options);
  if (!isValue(created)) return answer(created);
  const { mapping, base } = created;
  if (name !== undefined) world.names.define(name, { kind: "mapping", value: mapping });
  return { ...OK, value: textOfPages(base) };
}

/** Of bytes, as traces have it, to pages. */
function alignShiftOf(alignLog2: number | undefined): number {
  return Math.max((alignLog2 ?? PAGE_SHIFT) - PAGE_SHIFT, 0);
}

function childrenOf(children: boolean | undefined): OpChildren {
  return children === true ? OpChildren.YES : OpChildren.NO;
}
