import { Status, type Pfn } from "@aspace/arch";
import {
  AllocationPolicy,
  CachePolicy,
  Visit,
  createContiguousObject,
  createObject,
  createPhysicalObject,
  type Blocking,
  type Result,
  type SpliceList,
  type VmObject,
  type VmObjectPaged,
} from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import type { OBJECT_OPERATIONS } from "../format/object-operations.ts";
import type { Hex } from "../format/values.ts";
import { OK, answer, answerOf, answered, charged, ended, moved } from "./answers.ts";
import {
  arrayLength,
  arrayOf,
  bytesOf,
  pagesOf,
  textOfArray,
  textOfBytes,
  textOfPages,
  type Bytes,
} from "./bytes.ts";
import { Unplayable } from "./unplayable.ts";
import type { Handlers, World } from "./world.ts";

const CACHE_POLICIES = {
  cached: CachePolicy.CACHED,
  uncached: CachePolicy.UNCACHED,
  "uncached-device": CachePolicy.UNCACHED_DEVICE,
  "write-combining": CachePolicy.WRITE_COMBINING,
} as const;

/** Pages that an answer lists at most. */
const MOST_PAGES = 2 ** 16;

export const objectHandlers: Handlers<typeof OBJECT_OPERATIONS> = {
  "vmo.create": (world, { as, size, resizable, discardable, alwaysPinned, waits }) =>
    made(world, as, () =>
      createObject(world.memory, {
        size: bytesOf(size),
        resizable: resizable === true,
        discardable: discardable === true,
        alwaysPinned: alwaysPinned === true,
        policy: waits === true ? AllocationPolicy.CAN_WAIT : AllocationPolicy.NEVER_WAITS,
      }),
    ),
  "vmo.create-contiguous": (world, { as, size, alignmentLog2 }) =>
    made(world, as, () => {
      const alignment = alignmentLog2 === undefined ? {} : { alignmentLog2 };
      return createContiguousObject(world.memory, { size: bytesOf(size), ...alignment });
    }),
  "vmo.create-physical": (world, { as, base, size }) =>
    made(world, as, () =>
      createPhysicalObject(world.memory, { base: bytesOf(base), size: bytesOf(size) }),
    ),
  "vmo.clone": (world, { as, vmo, kind, offset, size, resizable, copyName }) =>
    made(world, as, () =>
      world.vmo(vmo).createClone({
        kind,
        offset: bytesOf(offset ?? "0x0"),
        size: bytesOf(size),
        resizable: resizable === true,
        copyName: copyName === true,
      }),
    ),
  "vmo.slice": (world, { as, vmo, offset, size, copyName }) =>
    made(world, as, () =>
      world.vmo(vmo).createSlice({
        offset: bytesOf(offset ?? "0x0"),
        size: bytesOf(size),
        copyName: copyName === true,
      }),
    ),
  "vmo.reference": (world, { as, vmo, offset, size, resizable, copyName }) =>
    made(world, as, () =>
      world.vmo(vmo).createReference({
        offset: bytesOf(offset ?? "0x0"),
        size: bytesOf(size ?? "0x0"),
        resizable: resizable === true,
        copyName: copyName === true,
      }),
    ),
  "vmo.release": (world, { vmo }) => {
    world.vmo(vmo).release();
    world.names.forget(vmo);
    return OK;
  },
  "vmo.set-name": (world, { vmo, name }) => {
    world.vmo(vmo).setName(name);
    return OK;
  },
  "vmo.commit": (world, { vmo, offset, length }) =>
    answered(world.vmo(vmo).commitRange(bytesOf(offset), bytesOf(length))),
  "vmo.decommit": (world, { vmo, offset, length }) =>
    answer(world.vmo(vmo).decommitRange(bytesOf(offset), bytesOf(length))),
  "vmo.zero": (world, { vmo, offset, length }) =>
    answered(world.vmo(vmo).zeroRange(bytesOf(offset), bytesOf(length))),
  "vmo.pin": (world, { vmo, offset, length, access }) =>
    answered(world.vmo(vmo).pinRange(bytesOf(offset), bytesOf(length), access)),
  "vmo.unpin": (world, { vmo, offset, length }) => {
    world.vmo(vmo).unpinRange(bytesOf(offset), bytesOf(length));
    return OK;
  },
  "vmo.read": (world, { vmo, offset, length }) =>
    readBytes(world.vmo(vmo), offset, arrayLength(length)),
  "vmo.write": (world, { vmo, offset, data }) =>
    moved(world.vmo(vmo).write(bytesOf(offset), arrayOf(data))),
  "vmo.resize": (world, { vmo, size }) => answer(world.vmo(vmo).resize(bytesOf(size))),
  "vmo.set-size": (world, { vmo, size }) => answered(world.vmo(vmo).setSize(bytesOf(size))),
  "vmo.hint": (world, { vmo, offset, length, hint }) =>
    answered(world.vmo(vmo).hintRange(bytesOf(offset), bytesOf(length), hint)),
  "vmo.lookup": (world, { vmo, offset, length }) => {
    const pages: Hex[] = [];
    const status = world.vmo(vmo).lookup(bytesOf(offset), bytesOf(length), (page) => {
      if (pages.push(textOfPages(page)) > MOST_PAGES) {
        throw new Unplayable(`length: there are more than ${MOST_PAGES} pages in ${length}`);
      }
      return Visit.NEXT;
    });
    return { ...answer(status), pages };
  },
  "vmo.lookup-contiguous": (world, { vmo, offset, length }) => {
    const found = world.vmo(vmo).lookupContiguous(bytesOf(offset), bytesOf(length));
    return found < 0 ? answer(found as Status) : { ...OK, value: textOfPages(found as Pfn) };
  },
  "vmo.take": (world, { as, vmo, offset, length }) => {
    world.names.assertFree(as);
    const taken = world.paged(vmo).takePages(bytesOf(offset), bytesOf(length));
    return answerOf(taken, (list) => keepList(world, as, list));
  },
  "list.free": (world, { list: name }) => {
    const list = world.names.find("list", name);
    list.free();
    world.lists.delete(list);
    world.names.forget(name);
    return OK;
  },
  "vmo.set-cache-policy": (world, { vmo, policy }) =>
    answer(world.vmo(vmo).setCachePolicy(CACHE_POLICIES[policy])),
  "vmo.take-modified": (world, { vmo }) => ({ ...OK, value: world.paged(vmo).takeModified() }),
  "vmo.lock": (world, { vmo, offset, length }) => {
    const object = world.paged(vmo);
    const locked = object.lockRange(...wholeUnlessGiven(object, offset, length));
    return answerOf(locked, ({ discardedBytes }) => ({ value: textOfBytes(discardedBytes) }));
  },
  "vmo.try-lock": (world, { vmo, offset, length }) => {
    const object = world.paged(vmo);
    return answer(object.tryLockRange(...wholeUnlessGiven(object, offset, length)));
  },
  "vmo.unlock": (world, { vmo, offset, length }) => {
    const object = world.paged(vmo);
    return answer(object.unlockRange(...wholeUnlessGiven(object, offset, length)));
  },
  "vmo.discard": (world, { vmo, minAge }) => {
    const { hierarchy, discardable } = world.paged(vmo);
    if (discardable === null) return answer(Status.NOT_SUPPORTED);
    return underLock(hierarchy.lock, () => ({ ...OK, value: discardable.discard(minAge ?? 0) }));
  },
  "vmo.raise-priority": (world, { vmo }) => changePriority(world.vmo(vmo), 1),
  "vmo.lower-priority": (world, { vmo }) => changePriority(world.vmo(vmo), -1),
  "vmo.commit-high-priority": (world, { vmo, offset, length }) =>
    ended(
      world.vmo(vmo).commitHighPriorityPages(pagesOf(offset, "offset"), pagesOf(length, "length")),
    ),
  "vmo.attribution": (world, { vmo, offset, length }) => {
    const object = world.vmo(vmo);
    const page = pagesOf(offset ?? "0x0", "offset");
    const count = length === undefined ? object.sizePages : pagesOf(length, "length");
    return { ...OK, attribution: charged(object.attributedMemoryInRange(page, count)) };
  },
  "vmo.counts": (world, { vmo }) => ({ ...OK, counts: countsOf(world.vmo(vmo)) }),
  "vmo.dump": (world, { vmo }) => ({ ...OK, dump: world.paged(vmo).dump().split("\n") }),
};

/** Makes an object, unless its name is another's, and names it. */
function made(world: World, name: string, make: () => Result<VmObject>): Seen {
  world.names.assertFree(name);
  return answerOf(make(), (object) => {
    world.adopt(name, object);
    return {};
  });
}

function keepList(world: World, name: string, list: SpliceList): Seen {
  world.names.define(name, { kind: "list", value: list });
  world.lists.add(list);
  return {};
}

function* readBytes(object: VmObject, offset: Hex, length: number): Blocking<Seen> {
  const into = new Uint8Array(length);
  const { status, bytes } = yield* object.read(bytesOf(offset), into);
  return {
    ...answer(status),
    value: textOfBytes(bytes),
    bytes: textOfArray(into.subarray(0, bytes)),
  };
}

/** A lock of a discardable object is of all of it, so that is what is meant when nothing is said. */
function wholeUnlessGiven(
  object: VmObjectPaged,
  offset: Hex | undefined,
  length: Hex | undefined,
): [offset: Bytes, length: Bytes] {
  return [bytesOf(offset ?? "0x0"), bytesOf(length ?? textOfPages(object.sizePages))];
}

function changePriority(object: VmObject, delta: 1 | -1): Seen {
  return underLock(object.hierarchy.lock, () => {
    object.changeHighPriorityCountLocked(delta);
    return OK;
  });
}

function countsOf(object: VmObject): Readonly<Record<string, number>> {
  const shared = {
    pages: object.sizePages,
    children: object.children.size,
    mappings: object.mappings.size,
    sharers: object.shareCount,
    generation: object.hierarchy.generation,
  };
  if (!object.isPaged) return shared;
  const { node } = object as VmObjectPaged;
  return {
    ...shared,
    entries: node.slots.populatedCount,
    pins: node.pinnedPageCount,
    "high-priority": node.highPriorityCount,
  };
}

interface HeldLock {
  acquire(): void;
  release(): void;
}

function underLock<T>(lock: HeldLock, step: () => T): T {
  lock.acquire();
  try {
    return step();
  } finally {
    lock.release();
  }
}
