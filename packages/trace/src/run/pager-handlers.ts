import { PAGE_BYTES, Status } from "@aspace/arch";
import {
  AllocationPolicy,
  PacketType,
  SpliceList,
  UserPager,
  WritebackKind,
  createPagerObject,
  isValue,
  pageSlot,
  type PagerPacket,
  type Result,
} from "@aspace/vm";
import type { PAGER_OPERATIONS } from "../format/pager-operations.ts";
import type { Contents, Data, PacketText, RangeText } from "../format/values.ts";
import { OK, answer, answered } from "./answers.ts";
import { arrayOf, bytesOf, textOfPages } from "./bytes.ts";
import { statusNamed } from "./words.ts";
import { Unplayable } from "./unplayable.ts";
import type { Handlers, World } from "./world.ts";

const PACKET_TYPES = {
  [PacketType.READ]: "READ",
  [PacketType.DIRTY]: "DIRTY",
  [PacketType.COMPLETE]: "COMPLETE",
} as const;

export const pagerHandlers: Handlers<typeof PAGER_OPERATIONS> = {
  "pager.create": (world, { as }) => {
    const pager = new UserPager();
    world.names.define(as, { kind: "pager", value: pager });
    world.pagers.add(pager);
    return OK;
  },
  "pager.create-vmo": (world, { as, pager: name, size, key, trapsDirty, resizable }) => {
    world.names.assertFree(as);
    const pager = world.names.find("pager", name);
    const source = pager.createSource({ key: key ?? 0, trapsDirty: trapsDirty === true });
    const object = createPagerObject(world.memory, {
      size: bytesOf(size),
      source,
      resizable: resizable === true,
    });
    if (isValue(object)) world.adopt(as, object);
    else source.close();
    return isValue(object) ? OK : answer(object);
  },
  "pager.read": (world, { pager }) => {
    const packet = world.names.find("pager", pager).read();
    return { ...OK, packet: packet === null ? null : textOf(packet) };
  },
  "pager.supply": (world, { vmo, offset, from }) => {
    const object = world.paged(vmo);
    const list = listFrom(world, from);
    if (!isValue(list)) return answer(list);
    return answered(object.supplyPages(bytesOf(offset), list));
  },
  "pager.fail": (world, { vmo, offset, length, failure }) =>
    answer(
      world.paged(vmo).failPageRequests(bytesOf(offset), bytesOf(length), statusNamed(failure)),
    ),
  "pager.dirty": (world, { vmo, offset, length }) =>
    answered(world.paged(vmo).dirtyPages(bytesOf(offset), bytesOf(length))),
  "pager.dirty-ranges": (world, { vmo, offset, length }) => {
    const ranges: RangeText[] = [];
    const status = world
      .paged(vmo)
      .enumerateDirtyRanges(bytesOf(offset), bytesOf(length), ({ page, count, isZero }) => {
        ranges.push({ offset: textOfPages(page), length: textOfPages(count), zero: isZero });
        return true;
      });
    return { ...answer(status), ranges };
  },
  "pager.writeback-begin": (world, { vmo, offset, length, content }) =>
    answer(
      world
        .paged(vmo)
        .writebackBegin(bytesOf(offset), bytesOf(length), content ?? WritebackKind.PAGES),
    ),
  "pager.writeback-end": (world, { vmo, offset, length }) =>
    answer(world.paged(vmo).writebackEnd(bytesOf(offset), bytesOf(length))),
  "pager.detach": (world, { vmo }) => answer(world.paged(vmo).detachSource()),
  "pager.close": (world, { pager }) => {
    world.names.find("pager", pager).close();
    return OK;
  },
  "pager.dump": (world, { pager }) => ({
    ...OK,
    dump: world.names.find("pager", pager).dump().split("\n"),
  }),
};

function textOf({ type, key, page, count }: PagerPacket): PacketText {
  return { type: PACKET_TYPES[type], key, offset: textOfPages(page), length: textOfPages(count) };
}

function listFrom(world: World, from: Contents): Result<SpliceList> {
  if ("list" in from) {
    const list = world.names.find("list", from.list);
    world.names.forget(from.list);
    return list;
  }
  return listOf(world, from.pages);
}

/** Pages that begin with the given bytes and are zero from there on; an empty beginning is no page. Their memory is allocated like any. */
function listOf(world: World, beginnings: readonly Data[]): Result<SpliceList> {
  const { memory } = world;
  const { pmm } = memory;
  const list = new SpliceList(memory, beginnings.length);
  world.lists.add(list);
  for (const [position, beginning] of beginnings.entries()) {
    const bytes = arrayOf(beginning);
    if (bytes.length > PAGE_BYTES) throw new Unplayable(`from: a page has ${PAGE_BYTES} bytes`);
    if (bytes.length === 0) continue;
    const frame = pmm.allocate(AllocationPolicy.NEVER_WAITS);
    if (frame < 0) {
      list.free();
      return Status.NO_MEMORY;
    }
    pmm.zero(frame);
    pmm.writeBytes(frame, 0, bytes);
    list.put(position, pageSlot(frame));
  }
  return list;
}
