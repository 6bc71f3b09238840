import {
  ALIGN_SHIFT,
  Right,
  VmarOp,
  findMappingLocked,
  isValue,
  vmarAllocate,
  vmarDestroy,
  vmarMap,
  vmarOpRange,
  vmarProtect,
  vmarUnmap,
  type Blocking,
  type MapArguments,
  type MappedVmo,
  type VmMapping,
  type VmarHandle,
} from "@aspace/vm";
import type { CALL_OPERATIONS } from "../format/call-operations.ts";
import type { Seen } from "../format/expectation.ts";
import type { Words } from "../format/words.ts";
import { OK, answer, answerOf, answered } from "./answers.ts";
import { bytesOf, splitOf, textOfBytes } from "./bytes.ts";
import { rightsOf, vmOptionsOf } from "./words.ts";
import type { Handlers, World } from "./world.ts";

/** What a handle may do unless something else is said. */
const ALL_RIGHTS = Right.READ | Right.WRITE | Right.EXECUTE | Right.MAP | Right.OP_CHILDREN;

const RANGE_OPERATIONS = {
  commit: VmarOp.COMMIT,
  decommit: VmarOp.DECOMMIT,
  "map-range": VmarOp.MAP_RANGE,
  "dont-need": VmarOp.DONT_NEED,
  "always-need": VmarOp.ALWAYS_NEED,
} as const;

export const callHandlers: Handlers<typeof CALL_OPERATIONS> = {
  "vmar.allocate": (world, { as, vmar, options, alignLog2, offset, size, rights }) => {
    world.names.assertFree(as);
    const allocated = vmarAllocate(
      handleTo(world, vmar, rights),
      optionsOf(options ?? [], alignLog2),
      bytesOf(offset ?? "0x0"),
      bytesOf(size),
    );
    return answerOf(allocated, ({ handle, address }) => {
      world.names.define(as, { kind: "vmar", value: handle.object });
      world.rights.set(as, handle.rights);
      return { value: textOfBytes(address) };
    });
  },
  "vmar.map": (world, call) => {
    if (call.as !== undefined) world.names.assertFree(call.as);
    const { vmar, options, alignLog2, offset, vmo, vmoOffset, length, rights, vmoRights } = call;
    return map(world, call.as, {
      vmar: handleTo(world, vmar, rights),
      options: optionsOf(options, alignLog2),
      vmarOffset: bytesOf(offset ?? "0x0"),
      vmo: {
        object: world.vmo(vmo),
        rights: vmoRights === undefined ? ALL_RIGHTS : rightsOf(vmoRights),
      },
      vmoOffset: bytesOf(vmoOffset ?? "0x0"),
      length: bytesOf(length),
    });
  },
  "vmar.unmap": (world, { vmar, at, length, rights }) =>
    answer(vmarUnmap(handleTo(world, vmar, rights), bytesOf(world.bytesAt(at)), bytesOf(length))),
  "vmar.protect": (world, { vmar, options, at, length, rights }) =>
    answer(
      vmarProtect(
        handleTo(world, vmar, rights),
        optionsOf(options, undefined),
        bytesOf(world.bytesAt(at)),
        bytesOf(length),
      ),
    ),
  "vmar.destroy": (world, { vmar, rights }) => answer(vmarDestroy(handleTo(world, vmar, rights))),
  "vmar.op-range": (world, { vmar, operation, at, length, buffer, bufferSize, rights }) =>
    answered(
      vmarOpRange({
        vmar: handleTo(world, vmar, rights),
        op: RANGE_OPERATIONS[operation],
        address: bytesOf(world.bytesAt(at)),
        length: bytesOf(length),
        buffer: bytesOf(buffer ?? "0x0"),
        bufferSize: bytesOf(bufferSize ?? "0x0"),
      }),
    ),
};

function handleTo(world: World, vmar: string, rights: Words<"rights"> | undefined): VmarHandle {
  const own = world.rights.get(vmar) ?? ALL_RIGHTS;
  const object = world.names.findRegion(vmar);
  return { object, rights: rights === undefined ? own : rightsOf(rights) };
}

function optionsOf(words: Words<"vmarOptions">, alignLog2: number | undefined): number {
  return (vmOptionsOf(words) | ((alignLog2 ?? 0) << ALIGN_SHIFT)) >>> 0;
}

function* map(world: World, name: string | undefined, call: MapArguments): Blocking<Seen> {
  const mapped = yield* vmarMap(call);
  if (!isValue(mapped)) return answer(mapped);
  if (name !== undefined) {
    world.names.define(name, { kind: "mapping", value: survivor(mapped) });
  }
  return { ...OK, value: textOfBytes(mapped.address) };
}

/** The mapping itself, or the neighbour that it was joined with. */
function survivor({ mapping, address }: MappedVmo): VmMapping {
  if (mapping.isAlive) return mapping;
  const { root, lock } = mapping.aspace;
  lock.acquire();
  const found = root === null ? null : findMappingLocked(root, splitOf(textOfBytes(address)).page);
  lock.release();
  return found ?? mapping;
}
