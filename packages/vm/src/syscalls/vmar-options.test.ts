import { MmuFlags, Status } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { GUEST, SmallAspace } from "../../test/small-aspace.ts";
import { isValue } from "../objects/blocking.ts";
import { VmarFlags } from "../regions/vmar-flags.ts";
import { Right } from "./rights.ts";
import {
  ALIGN_SHIFT,
  VmOption,
  canMapOptionsFor,
  lacksRead,
  mmuFlagsIn,
  rightsForCanMap,
  rightsForPermissions,
  splitOptions,
  withReadForExecute,
} from "./vmar-options.ts";

const { PERM_READ, PERM_WRITE, PERM_EXECUTE, PERM_READ_IF_XOM_UNSUPPORTED } = VmOption;
const { CAN_MAP_READ, CAN_MAP_WRITE, CAN_MAP_EXECUTE } = VmOption;

describe("options of the calls", () => {
  test("S-1 S-2: options and rights have the numbers of the contract", () => {
    const names = Object.entries(VmOption).map(([name, option]) => [Math.log2(option), name]);
    expect(names).toEqual([
      [0, "PERM_READ"],
      [1, "PERM_WRITE"],
      [2, "PERM_EXECUTE"],
      [3, "COMPACT"],
      [4, "SPECIFIC"],
      [5, "SPECIFIC_OVERWRITE"],
      [6, "CAN_MAP_SPECIFIC"],
      [7, "CAN_MAP_READ"],
      [8, "CAN_MAP_WRITE"],
      [9, "CAN_MAP_EXECUTE"],
      [10, "MAP_RANGE"],
      [11, "REQUIRE_NON_RESIZABLE"],
      [12, "ALLOW_FAULTS"],
      [13, "OFFSET_IS_UPPER_LIMIT"],
      [14, "PERM_READ_IF_XOM_UNSUPPORTED"],
    ]);
    expect(Right).toEqual({ READ: 4, WRITE: 8, EXECUTE: 16, MAP: 32, OP_CHILDREN: 1 << 23 });
  });

  test("S-1 S-2: an option means the flag of its name; those without one mean nothing to regions", () => {
    for (const [name, option] of Object.entries(VmOption)) {
      const flags = name in VmarFlags ? VmarFlags[name as keyof typeof VmarFlags] : 0;
      expect(splitOptions(option), name).toEqual({ flags, alignShift: 0 });
    }
  });

  test("S-1: every unknown bit is INVALID_ARGS, with known ones too", () => {
    for (let bit = 15; bit < ALIGN_SHIFT; bit++) {
      expect(splitOptions((1 << bit) | PERM_READ), `bit ${bit}`).toBe(Status.INVALID_ARGS);
    }
  });

  test("S-1: an alignment is 0 or from 2^10 to 2^32, and below a page's is none", () => {
    for (let log2 = 0; log2 < 256; log2++) {
      const split = splitOptions((log2 << ALIGN_SHIFT) >>> 0);
      const isKnown = log2 === 0 || (log2 >= 10 && log2 <= 32);
      const expected = isKnown ? Math.max(log2 - 12, 0) : Status.INVALID_ARGS;
      expect(isValue(split) ? split.alignShift : split, `2^${log2}`).toBe(expected);
    }
  });

  test("S-2 S-4: permissions are a user's in a process, nobody's in a guest", () => {
    const { READ, WRITE, EXECUTE, USER } = MmuFlags;
    const process = new SmallAspace().root;
    const guest = new SmallAspace(GUEST).root;
    expect(mmuFlagsIn(0, process)).toBe(USER);
    expect(mmuFlagsIn(PERM_READ | PERM_WRITE, process)).toBe(USER | READ | WRITE);
    expect(mmuFlagsIn(PERM_READ | PERM_EXECUTE, guest)).toBe(READ | EXECUTE);
  });

  test("S-1 S-2 S-4: READ, WRITE and EXECUTE have options, CAN_MAP options and rights each", () => {
    const { READ, WRITE, EXECUTE } = Right;
    const triples = [
      [PERM_READ, CAN_MAP_READ, READ],
      [PERM_WRITE, CAN_MAP_WRITE, WRITE],
      [PERM_EXECUTE, CAN_MAP_EXECUTE, EXECUTE],
    ] as const;
    for (const [permission, canMap, right] of triples) {
      expect(rightsForPermissions(permission | ~0x7)).toBe(right);
      expect(rightsForCanMap(canMap | ~0x380)).toBe(right);
      expect(canMapOptionsFor(right | Right.MAP | Right.OP_CHILDREN)).toBe(canMap);
    }
  });

  test("S-2 S-4: what is written or executed must be read; one option sees to that", () => {
    for (let options = 0; options < 8; options++) {
      const isUnread = options > 0 && (options & PERM_READ) === 0;
      expect(lacksRead(options), `options ${options}`).toBe(isUnread);
      const asked = withReadForExecute(options | PERM_READ_IF_XOM_UNSUPPORTED);
      expect(asked).toBe(options | PERM_READ | PERM_READ_IF_XOM_UNSUPPORTED);
      expect(withReadForExecute(options)).toBe(options);
    }
  });
});
