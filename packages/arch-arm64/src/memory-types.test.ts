import { Access, MemoryType } from "@aspace/arch";
import { describe, expect, test } from "vitest";
import { PAGE, PLAIN, VPN, pathTo, stage1Tables } from "../test/tables.ts";

describe("memory types (G-18)", () => {
  const { WRITE_BACK, UNCACHED, DEVICE, WRITE_COMBINING, OTHER } = MemoryType;

  test.each([
    [0x00, [UNCACHED, UNCACHED, UNCACHED, UNCACHED]],
    [0x04, [DEVICE, DEVICE, DEVICE, DEVICE]],
    [0x44, [WRITE_COMBINING, WRITE_COMBINING, WRITE_COMBINING, WRITE_COMBINING]],
    [0xff, [OTHER, OTHER, OTHER, WRITE_BACK]],
    [0xbb, [OTHER, OTHER, OTHER, OTHER]],
    [0x0c, [OTHER, OTHER, OTHER, OTHER]],
  ])("MAIR byte %i, by shareability, in each of the eight slots", (byte, bySharing) => {
    for (let slot = 0; slot < 8; slot++) {
      const tables = stage1Tables();
      tables.write("MAIR_EL1", 0x1122_3355_6677_8899n);
      tables.write("MAIR_EL1", BigInt(byte) << BigInt(8 * slot));
      for (let sh = 0; sh < 4; sh++) {
        const attributes = (BigInt(slot) << 2n) | (BigInt(sh) << 8n);
        pathTo(tables, (9n << 12n) | PLAIN | PAGE | attributes);
        expect(tables.walk(VPN, Access.USER_READ).memoryType).toBe(bySharing[sh]);
      }
    }
  });
});
