import { Status } from "@aspace/arch";
import { always, testCheckOrder, wrong, type Row } from "../../test/check-order.ts";
import { PAGE, SIZE, spoil } from "../../test/object-situation.ts";
import { run } from "../../test/small-system.ts";
import { isValue } from "./blocking.ts";
import { PageAccess } from "./lookup-cursor.ts";
import { Visit } from "./lookup.ts";
import { SpliceList } from "./splice-list.ts";
import { Hint } from "./vm-object.ts";
import { WritebackKind } from "./writeback.ts";

const { OK, BAD_STATE, INVALID_ARGS, NOT_FOUND, NOT_SUPPORTED, OUT_OF_RANGE, UNAVAILABLE } = Status;

const outside = wrong("outside", OUT_OF_RANGE, spoil.outside);
const unaligned = wrong("unaligned", INVALID_ARGS, spoil.unaligned);
const empty = wrong("empty", INVALID_ARGS, spoil.empty);
const uncached = wrong("uncached", BAD_STATE, spoil.trait("uncached"));
const discarded = wrong("discarded", NOT_FOUND, spoil.trait("discarded"));
const contiguous = wrong("contiguous", NOT_SUPPORTED, spoil.origin("contiguous"));
const notAPagers = wrong("not a pager's", INVALID_ARGS, spoil.origin("anonymous"));
const notTracked = wrong("not tracked", NOT_SUPPORTED, spoil.origin("anonymous"));
const detached = wrong("detached", BAD_STATE, spoil.trait("detached"));

const ROWS: readonly Row[] = [
  {
    rule: "O-F1",
    call: "commitRange",
    act: (object, { offset, length }) => run(object.commitRange(offset, length)),
    wrongs: [outside, discarded],
  },
  {
    rule: "O-F2",
    call: "pinRange",
    act: (object, { offset, length }) => run(object.pinRange(offset, length, PageAccess.READ)),
    wrongs: [empty, outside, discarded],
  },
  {
    rule: "O-F3",
    call: "decommitRange",
    act: (object, { offset, length }) => object.decommitRange(offset, length),
    wrongs: [
      contiguous,
      outside,
      wrong("empty", OK, spoil.empty),
      wrong("cloned", NOT_SUPPORTED, spoil.trait("cloned")),
      unaligned,
      wrong("pinned", BAD_STATE, spoil.trait("pinned")),
    ],
  },
  {
    rule: "O-F3",
    call: "decommitRange of a pager's object",
    origin: "pager",
    act: (object, { offset, length }) => object.decommitRange(offset, length),
    wrongs: [
      outside,
      wrong("empty", OK, spoil.empty),
      always("a pager's", NOT_SUPPORTED),
      unaligned,
    ],
  },
  {
    rule: "O-F4",
    call: "zeroRange",
    views: ["owner"],
    act: (object, { offset, length }) => run(object.zeroRange(offset, length)),
    wrongs: [uncached, outside],
  },
  {
    rule: "O-F5",
    call: "read",
    views: ["owner"],
    act: (object, { offset, length }) =>
      run(object.read(offset, new Uint8Array(Number(length)))).status,
    wrongs: [outside, uncached, discarded],
  },
  {
    rule: "O-F5",
    call: "write",
    views: ["owner"],
    act: (object, { offset, length }) =>
      run(object.write(offset, new Uint8Array(Number(length)))).status,
    wrongs: [outside, uncached, discarded],
  },
  {
    rule: "O-F6",
    call: "resize",
    views: ["owner", "reference"],
    traits: ["resizable"],
    act: (object, { offset }) => object.resize(offset),
    wrongs: [
      wrong("not resizable", UNAVAILABLE, ({ traits }) => void traits.delete("resizable")),
      wrong("too large", OUT_OF_RANGE, (situation) => void (situation.offset = (1n << 64n) - 1n)),
    ],
  },
  {
    rule: "O-F6",
    call: "resize to nothing",
    views: ["owner", "reference"],
    traits: ["resizable"],
    act: (object) => object.resize(0n),
    wrongs: [
      wrong("not resizable", UNAVAILABLE, ({ traits }) => void traits.delete("resizable")),
      wrong("pinned", BAD_STATE, spoil.trait("pinned")),
    ],
  },
  {
    rule: "O-F6",
    call: "setSize into a page",
    views: ["owner"],
    traits: ["resizable"],
    act: (object) => run(object.setSize(1n)),
    wrongs: [
      wrong("not resizable", UNAVAILABLE, ({ traits }) => void traits.delete("resizable")),
      uncached,
    ],
  },
  {
    rule: "O-F7",
    call: "lookup",
    act: (object, { offset, length }) => object.lookup(offset, length, () => Visit.NEXT),
    wrongs: [empty, outside],
  },
  {
    rule: "O-F7",
    call: "lookupContiguous",
    act: (object, { offset, length }) => statusOf(object.lookupContiguous(offset, length)),
    wrongs: [
      empty,
      unaligned,
      outside,
      wrong("more than a page", BAD_STATE, (situation) => void (situation.length = 2n * PAGE)),
      wrong("missing", NOT_FOUND, (situation) => void (situation.offset += 2n * PAGE)),
    ],
  },
  {
    rule: "O-F8",
    call: "takePages",
    views: ["owner", "reference"],
    act: (object, { offset, length }) => {
      const list = object.takePages(offset, length);
      if (!isValue(list)) return list;
      list.free();
      return OK;
    },
    wrongs: [
      contiguous,
      wrong("a parent", BAD_STATE, spoil.trait("sliced")),
      unaligned,
      outside,
      wrong("pinned", BAD_STATE, spoil.trait("pinned")),
    ],
  },
  {
    rule: "O-F8",
    call: "takePages of a slice",
    views: ["slice"],
    act: (object, { offset, length }) => statusOf(object.takePages(offset, length)),
    wrongs: [contiguous, always("a slice", BAD_STATE), unaligned, outside],
  },
  {
    rule: "O-F9",
    call: "supplyPages",
    origin: "pager",
    act: (object, { offset }) => run(object.supplyPages(offset, new SpliceList(object.system, 1))),
    wrongs: [notAPagers, unaligned, outside, detached],
  },
  {
    rule: "O-F10",
    call: "failPageRequests",
    origin: "pager",
    act: (object, { offset, length }) => object.failPageRequests(offset, length, Status.IO),
    wrongs: [notAPagers, unaligned, outside],
  },
  {
    rule: "O-F10",
    call: "failPageRequests with a code that is none",
    origin: "pager",
    act: (object, { offset, length }) => object.failPageRequests(offset, length, NOT_SUPPORTED),
    wrongs: [always("no failure code", INVALID_ARGS), outside],
  },
  {
    rule: "O-F11",
    call: "dirtyPages",
    origin: "trapping pager",
    act: (object, { offset, length }) => run(object.dirtyPages(offset, length)),
    wrongs: [
      unaligned,
      wrong("not trapping", NOT_SUPPORTED, spoil.origin("pager")),
      outside,
      detached,
      wrong("absent", NOT_FOUND, (situation) => void (situation.offset += 2n * PAGE)),
    ],
  },
  {
    rule: "O-F12",
    call: "enumerateDirtyRanges",
    origin: "pager",
    act: (object, { offset, length }) => object.enumerateDirtyRanges(offset, length, () => true),
    wrongs: [unaligned, notTracked, outside],
  },
  {
    rule: "O-F13",
    call: "writebackBegin",
    origin: "pager",
    act: (object, { offset, length }) => object.writebackBegin(offset, length, WritebackKind.PAGES),
    wrongs: [unaligned, outside, notTracked],
  },
  {
    rule: "O-F13",
    call: "writebackEnd",
    origin: "pager",
    act: (object, { offset, length }) => object.writebackEnd(offset, length),
    wrongs: [unaligned, outside, notTracked],
  },
  {
    rule: "O-F14",
    call: "detachSource",
    origin: "pager",
    act: (object) => object.detachSource(),
    wrongs: [notAPagers],
  },
  {
    rule: "O-F15",
    call: "hintRange",
    origin: "pager",
    act: (object, { offset, length }) => run(object.hintRange(offset, length, Hint.DONT_NEED)),
    wrongs: [wrong("nobody's pager", OK, spoil.origin("anonymous")), outside],
  },
  {
    rule: "O-F16",
    call: "tryLockRange",
    views: ["owner"],
    traits: ["discardable"],
    act: (object, { offset }) => object.tryLockRange(offset, SIZE),
    wrongs: [
      wrong("not discardable", NOT_SUPPORTED, ({ traits }) => void traits.delete("discardable")),
      outside,
    ],
  },
  {
    rule: "O-F16",
    call: "tryLockRange of a part",
    views: ["owner"],
    traits: ["discardable"],
    act: (object, { length }) => object.tryLockRange(0n, SIZE + PAGE - length),
    wrongs: [
      wrong("not discardable", NOT_SUPPORTED, ({ traits }) => void traits.delete("discardable")),
      wrong("too long", OUT_OF_RANGE, spoil.empty),
      wrong("discarded", UNAVAILABLE, spoil.trait("discarded")),
    ],
  },
  {
    rule: "O-F16",
    call: "unlockRange",
    views: ["owner"],
    traits: ["discardable"],
    act: (object, { offset }) => object.unlockRange(offset, SIZE),
    wrongs: [
      wrong("not discardable", NOT_SUPPORTED, ({ traits }) => void traits.delete("discardable")),
      outside,
      always("not locked", BAD_STATE),
    ],
  },
];

testCheckOrder(ROWS);

function statusOf(result: object | number): Status {
  return typeof result === "number" && result < 0 ? (result as Status) : OK;
}
