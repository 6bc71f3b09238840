import {
  ExistingEntry,
  MmuFlags,
  PAGE_SHIFT,
  type Pfn,
  Status,
  VPN_LIMIT,
  type Vpn,
} from "@aspace/arch";
import { checkEqual, checkStatus } from "./check.ts";
import type { CheckedAspace } from "./checked-aspace.ts";
import { EVERY_KIND, type Property } from "./property.ts";
import { RW, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/** What every operation checks before it does anything. */

const ACTIONS: readonly ExistingEntry[] = Object.values(ExistingEntry);

const badArguments: Property = {
  id: "P-M3",
  title: "bad range, flags or frame: the right status, in that order, and nothing changes",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    subject.map(origin, world.pages(2), RW | userOf(subject));
    subject.map(world.endVpn - 1, world.pages(1), RW | userOf(subject));
    subject.observeWarm(origin, 2);
    for (const [what, status, operation] of badCalls(world)) {
      const before = world.fingerprint();
      checkStatus(what, status, operation(subject));
      checkEqual(`${what} changed`, before, world.fingerprint());
    }
  },
};

type BadCall = readonly [string, Status, (aspace: CheckedAspace) => Status];

/** Ranges that are not inside the aspace: before it, behind it, around its ends, around 2^52. */
function badRanges(world: World): readonly (readonly [Vpn, number])[] {
  const { baseVpn, pageCount } = world.profile;
  const ranges: (readonly [Vpn, number])[] = [
    [world.endVpn - 1, 2],
    [world.endVpn, 1],
    [world.origin, pageCount],
    [world.origin, VPN_LIMIT],
    [VPN_LIMIT - 1, 2],
  ];
  if (baseVpn > 0) ranges.push([baseVpn - 1, 1], [baseVpn - 1, 2]);
  return ranges;
}

/** Frame lists get no longer than this, whatever the range says. */
const MAX_LIST = 8;

function badCalls(world: World): BadCall[] {
  const { origin } = world;
  const calls: BadCall[] = badRanges(world).flatMap(([vpn, count]) =>
    rangeCalls(world, vpn, count),
  );
  for (const flags of [0, MmuFlags.WRITE, MmuFlags.INVALID | RW, 0x100 | RW, -1]) {
    calls.push(
      [`map, flags ${flags}`, Status.INVALID_ARGS, (a) => a.map(origin + 8, [1], flags)],
      [
        `mapContiguous, flags ${flags}`,
        Status.INVALID_ARGS,
        (a) => a.mapContiguous(origin + 8, 1, 1, flags),
      ],
      [`protect, flags ${flags}`, Status.INVALID_ARGS, (a) => a.protect(origin, 1, flags)],
    );
  }
  const limit: Pfn = 2 ** (world.capabilities.physBits - PAGE_SHIFT);
  for (let bad = 0; bad < 3; bad++) {
    const pfns = [1, 2, 3].map((pfn, i) => (i === bad ? limit : pfn));
    for (const action of ACTIONS) {
      calls.push([
        `map ${action}, frame ${bad} too high`,
        Status.INVALID_ARGS,
        (a) => a.map(origin + 8, pfns, RW, action),
      ]);
    }
  }
  calls.push(
    [
      "mapContiguous, too high",
      Status.INVALID_ARGS,
      (a) => a.mapContiguous(origin, limit - 1, 2, RW),
    ],
    ["range before flags", Status.OUT_OF_RANGE, (a) => a.protect(world.endVpn, 1, 0)],
    ["flags before existing", Status.INVALID_ARGS, (a) => a.map(origin, [1], MmuFlags.WRITE)],
    ["frame before existing", Status.INVALID_ARGS, (a) => a.map(origin, [limit], RW)],
  );
  return calls;
}

/** Every operation on one bad range. */
function rangeCalls(world: World, vpn: Vpn, count: number): BadCall[] {
  const bad = Status.OUT_OF_RANGE;
  const at = `of ${count} pages at ${vpn - world.profile.baseVpn} from the base`;
  const pfns = Array.from({ length: Math.min(count, MAX_LIST) }, (_, i) => i + 1);
  const calls: BadCall[] = [
    [`mapContiguous ${at}`, bad, (a) => a.mapContiguous(vpn, 1, count, RW)],
    [`unmap ${at}`, bad, (a) => a.unmap(vpn, count)],
    [`protect ${at}`, bad, (a) => a.protect(vpn, count, RW)],
    [`harvestAccessed ${at}`, bad, (a) => a.harvest(vpn, count, "retain", "update-age")],
    [`markAccessed ${at}`, bad, (a) => a.markAccessed(vpn, count)],
  ];
  for (const action of ACTIONS) {
    if (count <= MAX_LIST)
      calls.push([`map ${action} ${at}`, bad, (a) => a.map(vpn, pfns, RW, action)]);
  }
  return calls;
}

const emptyRange: Property = {
  id: "P-M4",
  title: "count 0 is OK and allocates nothing, but its other arguments are checked",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const before = world.fingerprint();
    for (const action of ACTIONS) {
      checkStatus("map of nothing", Status.OK, subject.map(origin, [], RW, action));
    }
    checkStatus("mapContiguous", Status.OK, subject.mapContiguous(origin, 1, 0, RW));
    checkStatus("unmap", Status.OK, subject.unmap(origin, 0));
    checkStatus("protect", Status.OK, subject.protect(origin, 0, RW));
    checkStatus("harvest", Status.OK, subject.harvest(origin, 0, "retain", "update-age"));
    const free = subject.harvest(origin, 0, "free-unaccessed", "update-age");
    checkStatus("FreeUnaccessed of nothing", Status.OK, free);
    checkStatus("markAccessed", Status.OK, subject.markAccessed(origin, 0));
    checkStatus("bad flags", Status.INVALID_ARGS, subject.map(origin, [], 0));
    checkStatus("bad range", Status.OUT_OF_RANGE, subject.map(world.endVpn + 1, [], RW));
    checkEqual("the machine", before, world.fingerprint());
  },
};

export const ARGUMENTS: readonly Property[] = [badArguments, emptyRange];
