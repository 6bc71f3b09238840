import { ExistingEntry, type QueryResult, Status } from "@aspace/arch";
import {
  MapRangeCommit,
  Mergeable,
  MemoryPriority,
  attributedMemory,
  commitHighMemoryPriority,
  decommitRange,
  destroy,
  dumpMapping,
  findMappingLocked,
  mapRange,
  markMergeable,
  protect,
  unmap,
  type VmMapping,
} from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import type { MAPPING_OPERATIONS } from "../format/mapping-operations.ts";
import { OK, answer, charged, ended } from "./answers.ts";
import { bytesOf, pagesOf } from "./bytes.ts";
import { mmuFlagsOf } from "./words.ts";
import type { Handlers } from "./world.ts";

export const mappingHandlers: Handlers<typeof MAPPING_OPERATIONS> = {
  "mapping.find": (world, { as, aspace, at }) => {
    world.names.assertFree(as);
    const { root, lock } = world.names.find("aspace", aspace);
    lock.acquire();
    const mapping = root === null ? null : findMappingLocked(root, world.place(at).page);
    lock.release();
    if (mapping !== null) world.names.define(as, { kind: "mapping", value: mapping });
    return { ...OK, value: mapping !== null };
  },
  "mapping.protect": (world, { mapping, at, length, mmuFlags }) =>
    answer(
      protect(
        world.names.find("mapping", mapping),
        world.page(at),
        pagesOf(length, "length"),
        mmuFlagsOf(mmuFlags),
      ),
    ),
  "mapping.unmap": (world, { mapping, at, length }) =>
    answer(unmap(world.names.find("mapping", mapping), world.page(at), pagesOf(length, "length"))),
  "mapping.destroy": (world, { mapping }) => answer(destroy(world.names.find("mapping", mapping))),
  "mapping.map-range": (world, { mapping, offset, length, commit, keep }) =>
    answer(
      mapRange(
        world.names.find("mapping", mapping),
        pagesOf(offset, "offset"),
        pagesOf(length, "length"),
        {
          commit: commit === true ? MapRangeCommit.YES : MapRangeCommit.NO,
          existing: keep === true ? ExistingEntry.SKIP : ExistingEntry.ERROR,
        },
      ),
    ),
  "mapping.decommit": (world, { mapping, offset, length }) =>
    answer(decommitRange(world.names.find("mapping", mapping), bytesOf(offset), bytesOf(length))),
  "mapping.mark-mergeable": (world, { mapping }) => {
    markMergeable(world.names.find("mapping", mapping));
    return OK;
  },
  "mapping.commit-high-priority": (world, { mapping }) =>
    ended(commitHighMemoryPriority(world.names.find("mapping", mapping))),
  "mapping.attribution": (world, { mapping }) => ({
    ...OK,
    attribution: charged(attributedMemory(world.names.find("mapping", mapping))),
  }),
  "mapping.counts": (world, { mapping }) => ({
    ...OK,
    counts: countsOf(world.names.find("mapping", mapping)),
  }),
  "mapping.dump": (world, { mapping: name }) => {
    const mapping = world.names.find("mapping", name);
    if (!mapping.isAlive) return answer(Status.BAD_STATE);
    mapping.aspace.lock.acquire();
    const dump = dumpMapping(mapping, 0);
    mapping.aspace.lock.release();
    return { ...OK, dump };
  },
};

function countsOf(mapping: VmMapping): NonNullable<Seen["counts"]> {
  const counts = {
    alive: Number(mapping.isAlive),
    pages: mapping.pageCount,
    "object-page": mapping.objectOffset,
    generation: mapping.generation,
    "cached-generation": mapping.attributionCache.mapping,
    mergeable: Number(mapping.mergeable === Mergeable.YES),
    "high-priority": Number(mapping.memoryPriority === MemoryPriority.HIGH),
  };
  if (mapping.pageCount > MOST_QUERIES) return counts;
  return { ...counts, entries: mapping.isAlive ? entriesOf(mapping) : 0 };
}

/** Entries of larger mappings are not counted: absent ones cost a query each. */
const MOST_QUERIES = 2 ** 16;

/** Pages that are in the page tables. */
function entriesOf({ aspace, base, pageCount }: VmMapping): number {
  const found: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
  let entries = 0;
  for (let vpn = base; vpn < base + pageCount; vpn++) {
    if (aspace.arch.query(vpn, found) === Status.OK) entries++;
  }
  return entries;
}
