import { Status, VPN_LIMIT } from "@aspace/arch";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ALL_RIGHTS,
  PAGE,
  Scene,
  WRAP,
  ZONE,
  addressOf,
  handleTo,
  situation,
  statusOf,
} from "../../test/call-situation.ts";
import { BASE } from "../../test/small-aspace.ts";
import { run } from "../../test/small-system.ts";
import { MAX_OBJECT_BYTES } from "../objects/byte-range.ts";
import { createObject } from "../objects/create-object.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { Right, type VmarHandle } from "./rights.ts";
import { vmarAllocate } from "./vmar-allocate.ts";
import { vmarDestroy } from "./vmar-destroy.ts";
import { vmarMap } from "./vmar-map.ts";
import { VmarOp, vmarOpRange } from "./vmar-op-range.ts";
import { VmOption } from "./vmar-options.ts";
import { vmarProtect } from "./vmar-protect.ts";
import { vmarUnmap } from "./vmar-unmap.ts";

const ZONE_ADDRESS = addressOf(ZONE.at);

const raw: fc.Arbitrary<bigint> = fc.bigInt({ min: 0n, max: WRAP - 1n });

/** Often near where something begins or ends. */
const telling: fc.Arbitrary<bigint> = fc
  .record({
    near: fc.constantFrom(0n, WRAP, 1n << 63n, addressOf(0), ZONE_ADDRESS, MAX_OBJECT_BYTES),
    pages: fc.bigInt({ min: -40n, max: 70n }),
    bytes: fc.constantFrom(0n, 0n, 0n, 1n, -1n),
  })
  .map(({ near, pages, bytes }) => BigInt.asUintN(64, near + pages * PAGE + bytes));

const someOf = (most: bigint): fc.Arbitrary<bigint> =>
  fc.bigInt({ min: 0n, max: most }).map((pages) => pages * PAGE);

/** An offset, or an address in the zone, that a call may succeed with. */
const likelyPlace: fc.Arbitrary<bigint> = fc.oneof(
  fc.constant(0n),
  someOf(64n),
  someOf(28n).map((offset) => ZONE_ADDRESS + offset),
);

const place = fc.oneof(raw, telling, likelyPlace, likelyPlace, likelyPlace);
const length = fc.oneof(raw, telling, someOf(9n), someOf(9n), someOf(9n));

const { SPECIFIC, SPECIFIC_OVERWRITE, OFFSET_IS_UPPER_LIMIT, CAN_MAP_READ, PERM_WRITE } = VmOption;
const READ_WRITE = VmOption.PERM_READ | PERM_WRITE;

/** Words of options: whatever, a few bits, or what makes sense. */
const options: fc.Arbitrary<number> = fc.oneof(
  fc.nat(0xffff_ffff),
  fc
    .array(fc.nat(14), { maxLength: 4 })
    .map((bits) => bits.reduce((word, bit) => word | (1 << bit), 0)),
  fc.constantFrom(
    0,
    SPECIFIC,
    OFFSET_IS_UPPER_LIMIT,
    SPECIFIC | CAN_MAP_READ,
    READ_WRITE,
    READ_WRITE | SPECIFIC,
    READ_WRITE | SPECIFIC_OVERWRITE,
    READ_WRITE | VmOption.MAP_RANGE | VmOption.ALLOW_FAULTS,
  ),
);

const CALLS = ["allocate", "map", "unmap", "protect", "destroy", "op-range"] as const;

const call = fc.record({
  call: fc.constantFrom(...CALLS),
  target: fc.constantFrom("zone", "root", "newest"),
  rights: fc.constantFrom(ALL_RIGHTS, ALL_RIGHTS, ALL_RIGHTS, ALL_RIGHTS & ~Right.WRITE, 0),
  object: fc.nat(2),
  options,
  op: fc.oneof(fc.nat(15), fc.constantFrom(...Object.values(VmarOp))),
  at: place,
  length,
  vmoOffset: fc.oneof(place, fc.constant(0n)),
  buffer: fc.constantFrom(0n, 0n, 0n, 1n),
});

type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** Calls on an aspace that may reach to 2^64, of objects of which one does so nearly. */
class RawCalls {
  readonly scene: Scene;
  private readonly objects: readonly VmObject[];
  private newest: VmarHandle;

  constructor(isWhole: boolean) {
    const whole = { baseVpn: BASE, pageCount: VPN_LIMIT - BASE };
    this.scene = new Scene(
      situation({ traits: new Set(["sub-region", "vdso"]) }),
      isWhole ? whole : {},
    );
    const { world, vmo } = this.scene;
    const size = MAX_OBJECT_BYTES;
    const largest = world.keep(createObject(world.small.system, { size }));
    const discardable = world.object(8, { discardable: true });
    this.objects = [vmo.object, largest, discardable];
    this.newest = handleTo(world.root);
  }

  perform(given: Call): Status {
    const vmar = this.target(given);
    const { options: word, op, at, length: bytes, vmoOffset, buffer, rights } = given;
    switch (given.call) {
      case "allocate": {
        const allocated = vmarAllocate(vmar, word, at, bytes);
        if (typeof allocated === "object") this.newest = allocated.handle;
        return statusOf(allocated);
      }
      case "map": {
        const vmo = handleTo(this.objects[given.object]!, rights);
        const mapped = vmarMap({
          vmar,
          vmo,
          options: word,
          vmarOffset: at,
          vmoOffset,
          length: bytes,
        });
        return statusOf(run(mapped));
      }
      case "unmap":
        return vmarUnmap(vmar, at, bytes);
      case "protect":
        return vmarProtect(vmar, word, at, bytes);
      case "destroy":
        return vmarDestroy(vmar);
      case "op-range":
        return run(vmarOpRange({ vmar, op, address: at, length: bytes, buffer, bufferSize: 0n }));
      default:
        return given.call satisfies never;
    }
  }

  private target({ target, rights }: Call): VmarHandle {
    const { zone, world } = this.scene;
    if (target === "newest") return this.newest;
    return handleTo(target === "zone" ? zone : world.root, rights);
  }
}

test.each([
  ["of an ordinary size", false],
  ["that ends at 2^64", true],
])(
  "I-36 I-38: in an aspace %s no 64-bit arguments throw, and failures change nothing",
  (_, isWhole) => {
    const seen = new Set<string>();
    const sequence = fc.array(call, { minLength: 1, maxLength: 12 });
    const property = fc.property(sequence, (calls) => {
      const world = new RawCalls(isWhole);
      for (const each of calls) {
        const before = world.scene.describe();
        const status = world.perform(each);
        seen.add(`${each.call} ${status === Status.OK ? "succeeds" : "fails"}`);
        // An operation on a range may end on the way (I-37).
        const mayLeavePrefix = status === Status.OK || each.call === "op-range";
        if (!mayLeavePrefix) expect(world.scene.describe()).toBe(before);
        world.scene.world.system.memory.locks.assertNoneHeld("the end of the call");
      }
      world.scene.world.validate();
    });
    fc.assert(property, { numRuns: 200, seed: 7 });
    const both = CALLS.flatMap((name) => [`${name} fails`, `${name} succeeds`]);
    expect([...seen].toSorted()).toEqual(both.toSorted());
  },
);
