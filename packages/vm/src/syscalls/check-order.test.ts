import { Status } from "@aspace/arch";
import {
  testCheckOrder,
  trait,
  withOptions,
  wrong,
  type Row,
  type Wrong,
} from "../../test/call-check-order.ts";
import {
  PAGE,
  SUB,
  VDSO,
  WRAP,
  statusOf,
  type Scene,
  type Situation,
} from "../../test/call-situation.ts";
import { run } from "../../test/small-system.ts";
import { VmarFlags } from "../regions/vmar-flags.ts";
import { Right } from "./rights.ts";
import { vmarAllocate } from "./vmar-allocate.ts";
import { vmarDestroy } from "./vmar-destroy.ts";
import { vmarMap } from "./vmar-map.ts";
import { VmarOp, vmarOpRange } from "./vmar-op-range.ts";
import { ALIGN_SHIFT, VmOption } from "./vmar-options.ts";
import { vmarProtect } from "./vmar-protect.ts";
import { vmarUnmap } from "./vmar-unmap.ts";

const {
  ACCESS_DENIED,
  ALREADY_EXISTS,
  BAD_STATE,
  INVALID_ARGS,
  NOT_FOUND,
  NOT_SUPPORTED,
  NO_MEMORY,
  NO_RESOURCES,
  OUT_OF_RANGE,
} = Status;
const {
  PERM_READ,
  PERM_WRITE,
  PERM_EXECUTE,
  SPECIFIC,
  SPECIFIC_OVERWRITE,
  OFFSET_IS_UPPER_LIMIT,
  CAN_MAP_SPECIFIC,
  CAN_MAP_READ,
  CAN_MAP_WRITE,
  CAN_MAP_EXECUTE,
  MAP_RANGE,
} = VmOption;

/** Nothing lies there. */
const FREE = { offset: 48n * PAGE, length: 4n * PAGE } as const;

const dead = trait("dead", BAD_STATE);
const noMemory = trait("no memory", NO_MEMORY);

function withoutRight(whose: "vmarRights" | "vmoRights", right: number): (call: Situation) => void {
  return (call) => void (call[whose] &= ~right);
}

/** Makes the range reach up to a page of the zone, if it does not already. */
function reachTo(call: Situation, page: number): void {
  const length = BigInt(page) * PAGE - call.offset;
  if (length > call.length) call.length = length;
}

const BAD_OPTIONS: readonly Wrong[] = [
  withOptions("lowest unknown option", INVALID_ARGS, 1 << 15),
  withOptions("highest unknown option", INVALID_ARGS, 1 << 23),
  ...[1, 9, 33, 255].map((log2) =>
    withOptions(`alignment of 2^${log2}`, INVALID_ARGS, (log2 << ALIGN_SHIFT) >>> 0),
  ),
];

/** What V-4 checks of a new region that says where it wants to be, but for memory. */
const PLACE: readonly Wrong[] = [
  withOptions("a place that is a limit too", INVALID_ARGS, SPECIFIC | OFFSET_IS_UPPER_LIMIT),
  wrong("an offset that is neither", INVALID_ARGS, (call) => void (call.options &= ~SPECIFIC)),
  wrong("unaligned offset", INVALID_ARGS, (call) => void (call.offset += 1n)),
  wrong("no place of one's own choice", ACCESS_DENIED, (call) => {
    call.zoneFlags &= ~VmarFlags.CAN_MAP_SPECIFIC;
  }),
  wrong("beginning outside", INVALID_ARGS, (call) => void (call.offset = 64n * PAGE)),
  wrong("beginning at 2^64", INVALID_ARGS, (call) => void (call.offset = WRAP - PAGE)),
  wrong("ending outside", INVALID_ARGS, (call) => void (call.offset = 61n * PAGE)),
  withOptions("misaligned for the alignment", INVALID_ARGS, (20 << ALIGN_SHIFT) >>> 0),
  wrong("taken", ALREADY_EXISTS, (call) => void (call.offset = 8n * PAGE)),
];

const LIMIT: readonly Wrong[] = [
  wrong("limit outside", INVALID_ARGS, (call) => void (call.offset = 65n * PAGE)),
  wrong("limit at 2^64", INVALID_ARGS, (call) => void (call.offset = WRAP - PAGE)),
  wrong("larger than the zone", INVALID_ARGS, (call) => void (call.length = 65n * PAGE)),
  wrong("larger than the limit", INVALID_ARGS, (call) => void (call.length = 49n * PAGE)),
  wrong("no room", NO_RESOURCES, (call) => void (call.length = 40n * PAGE)),
];

const allocate = ({ vmar, call, offset }: Scene): Status =>
  statusOf(vmarAllocate(vmar, call.options, offset, call.length));

const ALLOCATE: readonly Row[] = [
  {
    rules: "S-1 V-2 V-4",
    call: "zx_vmar_allocate of a place",
    good: { ...FREE, options: SPECIFIC },
    act: allocate,
    wrongs: [
      wrong("no right to map that", ACCESS_DENIED, (call) => {
        call.options |= CAN_MAP_WRITE;
        call.vmarRights &= ~Right.WRITE;
      }),
      ...BAD_OPTIONS,
      withOptions("PERM_READ", INVALID_ARGS, PERM_READ),
      withOptions("PERM_EXECUTE", INVALID_ARGS, PERM_EXECUTE),
      withOptions("PERM_READ for execution", INVALID_ARGS, VmOption.PERM_READ_IF_XOM_UNSUPPORTED),
      withOptions("MAP_RANGE", INVALID_ARGS, MAP_RANGE),
      wrong("unaligned size", INVALID_ARGS, (call) => void (call.length |= 1n)),
      wrong("size that would wrap", INVALID_ARGS, (call) => void (call.length = WRAP - 1n)),
      withOptions("SPECIFIC_OVERWRITE", INVALID_ARGS, SPECIFIC_OVERWRITE),
      withOptions("REQUIRE_NON_RESIZABLE", INVALID_ARGS, VmOption.REQUIRE_NON_RESIZABLE),
      withOptions("ALLOW_FAULTS", INVALID_ARGS, VmOption.ALLOW_FAULTS),
      dead,
      wrong("empty", INVALID_ARGS, (call) => void (call.length = 0n)),
      wrong("more than the parent may map", ACCESS_DENIED, (call) => {
        call.options |= CAN_MAP_EXECUTE;
        call.zoneFlags &= ~VmarFlags.CAN_MAP_EXECUTE;
      }),
      ...PLACE,
      noMemory,
    ],
  },
  {
    rules: "S-1 V-2 V-4 V-8",
    call: "zx_vmar_allocate below a limit",
    good: { offset: 48n * PAGE, length: 4n * PAGE, options: OFFSET_IS_UPPER_LIMIT },
    act: allocate,
    wrongs: [
      wrong("unaligned limit", INVALID_ARGS, (call) => void (call.offset += 1n)),
      wrong("no limit of one's own choice", ACCESS_DENIED, (call) => {
        call.zoneFlags &= ~VmarFlags.CAN_MAP_SPECIFIC;
      }),
      ...LIMIT,
      noMemory,
    ],
  },
];

const map = ({ vmar, vmo, call, offset }: Scene): Status => {
  const { options, vmoOffset, length } = call;
  return statusOf(run(vmarMap({ vmar, options, vmarOffset: offset, vmo, vmoOffset, length })));
};

const MAP: readonly Row[] = [
  {
    rules: "S-2 V-3 V-4",
    call: "zx_vmar_map at a place",
    good: { ...FREE, vmoOffset: 2n * PAGE, options: SPECIFIC | PERM_READ | PERM_WRITE },
    act: map,
    wrongs: [
      wrong("no right to map", ACCESS_DENIED, withoutRight("vmoRights", Right.MAP)),
      wrong("writing without reading", INVALID_ARGS, (call) => void (call.options &= ~PERM_READ)),
      withOptions("overwriting in advance", INVALID_ARGS, MAP_RANGE | SPECIFIC_OVERWRITE),
      withOptions("CAN_MAP_READ", INVALID_ARGS, CAN_MAP_READ),
      withOptions("CAN_MAP_EXECUTE", INVALID_ARGS, CAN_MAP_EXECUTE),
      wrong("region's handle without READ", ACCESS_DENIED, withoutRight("vmarRights", Right.READ)),
      wrong(
        "region's handle without WRITE",
        ACCESS_DENIED,
        withoutRight("vmarRights", Right.WRITE),
      ),
      wrong("object's handle without WRITE", ACCESS_DENIED, withoutRight("vmoRights", Right.WRITE)),
      ...BAD_OPTIONS,
      wrong("resizable", NOT_SUPPORTED, (call) => {
        call.object = "resizable";
        call.options |= VmOption.REQUIRE_NON_RESIZABLE;
      }),
      wrong("discardable", NOT_SUPPORTED, (call) => void (call.object = "discardable")),
      withOptions("COMPACT", INVALID_ARGS, VmOption.COMPACT),
      withOptions("CAN_MAP_SPECIFIC", INVALID_ARGS, CAN_MAP_SPECIFIC),
      wrong("permission that the region lacks", ACCESS_DENIED, (call) => {
        call.zoneFlags &= ~VmarFlags.CAN_MAP_WRITE;
      }),
      wrong("unaligned object offset", INVALID_ARGS, (call) => void (call.vmoOffset += 1n)),
      wrong("length that wraps", OUT_OF_RANGE, (call) => void (call.length = WRAP - PAGE + 1n)),
      wrong("longest length", OUT_OF_RANGE, (call) => void (call.length = WRAP - 1n)),
      wrong("object's end past 2^64", OUT_OF_RANGE, (call) => {
        call.vmoOffset = WRAP - PAGE;
        call.length = 4n * PAGE;
      }),
      wrong("object's end at 2^64", OUT_OF_RANGE, (call) => {
        call.vmoOffset = WRAP - 4n * PAGE;
        call.length = 4n * PAGE;
      }),
      dead,
      wrong("empty", INVALID_ARGS, (call) => void (call.length = 0n)),
      wrong("rights for what the region lacks", ACCESS_DENIED, (call) => {
        call.zoneFlags &= ~VmarFlags.CAN_MAP_EXECUTE;
      }),
      ...PLACE,
      noMemory,
      wrong("the vDSO's data to be executed", ACCESS_DENIED, (call) => {
        call.object = "vdso";
        call.vmoOffset = 0n;
        call.options |= PERM_EXECUTE;
      }),
    ],
  },
  {
    rules: "S-2 V-3 V-4 V-8",
    call: "zx_vmar_map below a limit",
    good: { offset: 48n * PAGE, length: 4n * PAGE, options: OFFSET_IS_UPPER_LIMIT | PERM_READ },
    act: map,
    wrongs: [
      wrong("unaligned limit", INVALID_ARGS, (call) => void (call.offset += 1n)),
      wrong("no limit of one's own choice", ACCESS_DENIED, (call) => {
        call.zoneFlags &= ~VmarFlags.CAN_MAP_SPECIFIC;
      }),
      ...LIMIT,
      noMemory,
    ],
  },
  {
    rules: "S-2 V-5",
    call: "zx_vmar_map over the middle of a mapping",
    good: {
      offset: 10n * PAGE,
      length: 2n * PAGE,
      options: SPECIFIC_OVERWRITE | PERM_READ | PERM_WRITE,
    },
    act: map,
    wrongs: [
      withOptions("in advance", INVALID_ARGS, MAP_RANGE),
      wrong("ending outside", INVALID_ARGS, (call) => void (call.length = 60n * PAGE)),
      noMemory,
      wrong("the vDSO in the way", ACCESS_DENIED, (call) => {
        call.traits.add("vdso");
        reachTo(call, VDSO.at + 1);
      }),
      wrong("a sub-region in the way", INVALID_ARGS, (call) => {
        call.traits.add("sub-region");
        reachTo(call, SUB.at + SUB.pages);
      }),
    ],
  },
];

const empty = wrong("empty", INVALID_ARGS, (call) => void (call.length = 0n));
const wrapping = wrong("length that wraps", INVALID_ARGS, (call) => {
  call.length = WRAP - PAGE + 1n;
});
const unaligned = wrong("unaligned address", INVALID_ARGS, (call) => void (call.offset += 1n));

/** Places that are not in the zone. */
function outside(status: Status): Wrong[] {
  return [
    wrong("beginning below", status, (call) => void (call.offset = -PAGE)),
    wrong("beginning behind", status, (call) => void (call.offset = 64n * PAGE)),
    wrong("ending behind", status, (call) => void (call.length = 60n * PAGE)),
    wrong("ending at 2^64", status, (call) => void (call.length = WRAP - PAGE)),
  ];
}

const UNMAP: readonly Row[] = [
  {
    rules: "S-3 V-10",
    call: "zx_vmar_unmap of the middle of a mapping",
    good: { offset: 10n * PAGE, length: 2n * PAGE },
    act: ({ vmar, address, call }) => vmarUnmap(vmar, address, call.length),
    wrongs: [
      unaligned,
      empty,
      wrapping,
      dead,
      ...outside(INVALID_ARGS),
      wrong("the vDSO in it", ACCESS_DENIED, (call) => {
        call.traits.add("vdso");
        reachTo(call, VDSO.at + 1);
      }),
      wrong("sub-region without the right to", INVALID_ARGS, (call) => {
        call.traits.add("sub-region");
        call.vmarRights &= ~Right.OP_CHILDREN;
        reachTo(call, SUB.at + SUB.pages);
      }),
      wrong("a part of a sub-region", INVALID_ARGS, (call) => {
        call.traits.add("sub-region");
        reachTo(call, SUB.at + 1);
      }),
      noMemory,
    ],
  },
];

const PROTECT: readonly Row[] = [
  {
    rules: "S-4 V-11",
    call: "zx_vmar_protect of the middle of a mapping",
    good: { offset: 10n * PAGE, length: 2n * PAGE, options: PERM_READ },
    act: ({ vmar, address, call }) => vmarProtect(vmar, call.options, address, call.length),
    wrongs: [
      wrong("no right to write", ACCESS_DENIED, (call) => {
        call.options |= PERM_WRITE;
        call.vmarRights &= ~Right.WRITE;
      }),
      wrong("no right to read", ACCESS_DENIED, (call) => {
        call.options |= PERM_READ;
        call.vmarRights &= ~Right.READ;
      }),
      wrong(
        "executing without reading",
        INVALID_ARGS,
        (call) => void (call.options = PERM_EXECUTE),
      ),
      unaligned,
      ...BAD_OPTIONS,
      withOptions("alignment", INVALID_ARGS, 12 << ALIGN_SHIFT),
      ...Object.entries(VmOption)
        .filter(([name]) => !name.startsWith("PERM_"))
        .map(([name, option]) => withOptions(name, INVALID_ARGS, option)),
      empty,
      wrapping,
      dead,
      ...outside(INVALID_ARGS),
      wrong("a hole before", NOT_FOUND, (call) => {
        call.offset -= 3n * PAGE;
        call.length += 3n * PAGE;
      }),
      withOptions("what the mapping may never be", ACCESS_DENIED, PERM_EXECUTE),
      wrong("sub-region without the right to", INVALID_ARGS, (call) => {
        call.traits.add("sub-region");
        call.vmarRights &= ~Right.OP_CHILDREN;
        reachTo(call, SUB.at + 1);
      }),
      wrong("more for a sub-region", ACCESS_DENIED, (call) => {
        call.traits.add("sub-region");
        call.options |= PERM_WRITE;
        reachTo(call, SUB.at + 1);
      }),
      wrong("the vDSO in it", ACCESS_DENIED, (call) => {
        call.traits.add("vdso");
        reachTo(call, VDSO.at + 1);
      }),
      wrong("a hole behind", NOT_FOUND, (call) => reachTo(call, 29)),
      noMemory,
    ],
  },
];

const DESTROY: readonly Row[] = [
  {
    rules: "S-5 V-12",
    call: "zx_vmar_destroy",
    good: {},
    act: ({ vmar }) => vmarDestroy(vmar),
    wrongs: [
      wrong("no right to", ACCESS_DENIED, withoutRight("vmarRights", Right.OP_CHILDREN)),
      wrong("the root", NOT_SUPPORTED, (call) => void (call.target = "root")),
      dead,
      trait("vdso", ACCESS_DENIED),
    ],
  },
];

const NOTHING_CHECKED_IN_IT = [
  wrong("no operation", INVALID_ARGS, (call) => void (call.op = 0)),
  wrong("an operation of a later kernel", INVALID_ARGS, (call) => void (call.op = 14)),
  wrong("buffer", INVALID_ARGS, (call) => void (call.buffer = PAGE)),
  wrong("size of a buffer", INVALID_ARGS, (call) => void (call.bufferSize = 1n)),
  empty,
  wrapping,
  unaligned,
  ...outside(OUT_OF_RANGE),
  dead,
  wrong("the vDSO in it", ACCESS_DENIED, (call) => {
    call.traits.add("vdso");
    reachTo(call, VDSO.at + 1);
  }),
  wrong("a hole before", BAD_STATE, (call) => {
    call.offset -= PAGE;
    call.length += PAGE;
  }),
];

const leavesPrefix = (one: Wrong): Wrong => ({ ...one, leavesPrefix: true });

const opRange = ({ vmar, address, call }: Scene): Status => {
  const { op, length, buffer, bufferSize } = call;
  return run(vmarOpRange({ vmar, op, address, length, buffer, bufferSize }));
};

const OP_RANGE: readonly Row[] = [
  {
    rules: "S-6 V-13",
    call: "zx_vmar_op_range to map",
    good: { op: VmarOp.MAP_RANGE },
    act: opRange,
    wrongs: [
      ...NOTHING_CHECKED_IN_IT,
      leavesPrefix(
        wrong("sub-region without the right to", INVALID_ARGS, (call) => {
          call.traits.add("sub-region");
          call.vmarRights &= ~Right.OP_CHILDREN;
          reachTo(call, SUB.at + 1);
        }),
      ),
      leavesPrefix(wrong("a hole behind", BAD_STATE, (call) => reachTo(call, 29))),
    ],
  },
  {
    rules: "S-6 V-13",
    call: "zx_vmar_op_range to commit",
    good: { op: VmarOp.COMMIT },
    act: opRange,
    wrongs: [
      ...NOTHING_CHECKED_IN_IT,
      leavesPrefix(
        wrong("sub-region", INVALID_ARGS, (call) => {
          call.traits.add("sub-region");
          reachTo(call, SUB.at + 1);
        }),
      ),
    ],
  },
];

testCheckOrder([...ALLOCATE, ...MAP, ...UNMAP, ...PROTECT, ...DESTROY, ...OP_RANGE]);
