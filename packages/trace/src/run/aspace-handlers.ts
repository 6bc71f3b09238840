import { NO_FAULT, Status, type Access, type QueryResult } from "@aspace/arch";
import { CpuMode } from "@aspace/machine";
import {
  Detail,
  dropUserPageTables,
  dumpAspace,
  harvestAllUserAccessedBits,
  isValue,
  memoryUsage,
  pageFault,
  softFault,
  type Blocking,
  type VmAspace,
} from "@aspace/vm";
import type { Loaded } from "@aspace/kernel";
import type { ASPACE_OPERATIONS } from "../format/aspace-operations.ts";
import type { Seen } from "../format/expectation.ts";
import type { AddressText } from "../format/values.ts";
import type { Choice } from "../format/words.ts";
import { OK, answer, answerOf, answered } from "./answers.ts";
import { textOfBytes } from "./bytes.ts";
import { Unplayable } from "./unplayable.ts";
import { cpuFaultWords, mmuFlagsOf, mmuWords, pageFaultFlagsOf } from "./words.ts";
import type { Handlers, World } from "./world.ts";

const MODES = { user: CpuMode.USER, kernel: CpuMode.KERNEL, copy: CpuMode.COPY } as const;

/** Added to a mode, this is the kind of an access. */
const ACCESS_OFFSETS = { read: 0, write: 1, fetch: 2 } as const;

export const aspaceHandlers: Handlers<typeof ASPACE_OPERATIONS> = {
  "aspace.create": (world, { as, kind }) => {
    world.names.assertFree(as);
    return answerOf(world.kernel.createAspace(kind ?? "user", as), (aspace) => {
      world.names.define(as, { kind: "aspace", value: aspace });
      return {};
    });
  },
  "aspace.destroy": (world, { aspace }) =>
    answer(world.kernel.destroyAspace(world.names.find("aspace", aspace))),
  "aspace.fault": (world, { aspace, at, flags }) =>
    answered(
      pageFault(world.names.find("aspace", aspace), world.place(at).page, pageFaultFlagsOf(flags)),
    ),
  "aspace.soft-fault": (world, { aspace, at, flags }) =>
    answered(
      softFault(world.names.find("aspace", aspace), world.place(at).page, pageFaultFlagsOf(flags)),
    ),
  "aspace.query": (world, { aspace, at }) => query(world, world.names.find("aspace", aspace), at),
  "aspace.map-entry": (world, { aspace, at, vmo, offset, mmuFlags, existing }) => {
    const { arch } = world.names.find("aspace", aspace);
    const frame = world.frameBehind(vmo, offset);
    if (frame === null) return answer(Status.NOT_FOUND);
    return answer(arch.map(world.page(at), [frame], 1, mmuFlagsOf(mmuFlags), existing));
  },
  "aspace.counts": (world, { aspace }) => countsOf(world.names.find("aspace", aspace)),
  "aspace.drop-tables": (world, { aspace }) => {
    dropUserPageTables(world.names.find("aspace", aspace));
    return OK;
  },
  "aspace.harvest": (world, { tables, pages }) => {
    harvestAllUserAccessedBits(world.kernel.regions, tables, pages);
    return OK;
  },
  "aspace.dump": (world, { aspace }) => ({
    ...OK,
    dump: dumpAspace(world.names.find("aspace", aspace), Detail.VERBOSE),
  }),
  "cpu.switch": (world, { cpu, aspace }) => {
    const place = aspace === null ? null : world.names.find("aspace", aspace);
    world.kernel.contextSwitch(world.cpu(cpu), place);
    return OK;
  },
  "cpu.store": (world, { cpu, mode, at, value }) => {
    const { page, offset } = wordAt(world, at);
    return answered(world.kernel.store(world.cpu(cpu), modeOf(mode), page, offset, Number(value)));
  },
  "cpu.load": (world, { cpu, mode, at }) => {
    const { page, offset } = wordAt(world, at);
    return loaded(world.kernel.load(world.cpu(cpu), modeOf(mode), page, offset));
  },
  "cpu.fetch": (world, { cpu, mode, at }) => {
    const { page, offset } = wordAt(world, at);
    return loaded(world.kernel.fetch(world.cpu(cpu), modeOf(mode), page, offset));
  },
  "cpu.try": (world, { cpu, mode, access, at }) => {
    const { architecture, machine } = world.kernel;
    const kind = (modeOf(mode) + ACCESS_OFFSETS[access]) as Access;
    const code = machine.cpus[world.cpu(cpu)]!.access(world.place(at).page, kind);
    const fault = code === NO_FAULT ? [] : cpuFaultWords(architecture.faultFlags(code));
    return { ...OK, fault };
  },
  "cpu.prefetch": (world, { cpu, at }) => {
    world.kernel.machine.cpus[world.cpu(cpu)]!.prefetch(world.place(at).page);
    return OK;
  },
  "region.counters": (world) => ({ ...OK, counts: { ...world.kernel.regions.counters } }),
};

function modeOf(mode: Choice<"cpuMode"> | undefined): CpuMode {
  return MODES[mode ?? "user"];
}

function wordAt(world: World, at: AddressText): ReturnType<World["place"]> {
  const place = world.place(at);
  if (place.offset % 4 === 0) return place;
  throw new Unplayable(`at: expected a multiple of 4, found ${at}`);
}

function* loaded(operation: Blocking<Loaded>): Blocking<Seen> {
  const { status, value } = yield* operation;
  return status === Status.OK ? { ...OK, value: textOfBytes(value) } : answer(status);
}

function query(world: World, { arch }: VmAspace, at: AddressText): Seen {
  const found: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
  const status = arch.query(world.page(at), found);
  if (status === Status.NOT_FOUND) return { ...answer(status), entry: null };
  if (status !== Status.OK) return answer(status);
  return { ...OK, entry: { flags: mmuWords(found.flags), shows: world.ownerOf(found.pfn) } };
}

/** BAD_STATE once destroyed. */
function countsOf(aspace: VmAspace): Seen {
  const usage = memoryUsage(aspace);
  if (!isValue(usage)) return answer(usage);
  return {
    ...OK,
    counts: {
      tables: aspace.arch.tablePages(),
      "high-priority": aspace.highPriorityCount,
      mapped: usage.mappedBytes,
      private: usage.privateBytes,
      shared: usage.sharedBytes,
      "scaled-shared": usage.scaledSharedBytes,
    },
  };
}
