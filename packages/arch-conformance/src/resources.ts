import { Enlarge, MmuFlags, PAGE_SHIFT, Status } from "@aspace/arch";
import { FrameOwner } from "@aspace/machine";
import { checkEqual, checkStatus, checkThat } from "./check.ts";
import { EVERY_KIND, type Property } from "./property.ts";
import { LEGAL_FLAGS, RW, touch, userOf } from "./touch.ts";

/** Frames that hold tables, and what may be in them. */

const structure: Property = {
  id: "P-R1",
  title: "no empty table, zero where not present, counts equal scans, every table is the MMU's",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, machine } = world;
    const flags = RW | userOf(subject);
    for (const size of world.leafSizes) {
      for (const edge of world.tableEdges()) {
        subject.map(edge - 1, world.pages(2), flags);
        subject.unmap(edge, 1);
        subject.map(edge, world.pages(1), flags);
        subject.unmap(edge - 1, 1);
        subject.clear();
      }
      subject.mapContiguous(world.origin, world.device(2 * size, size), 2 * size, flags);
      subject.unmap(world.origin, size);
      subject.unmap(world.origin + size, size);
    }
    for (const aspace of world.liveAspaces()) {
      checkEqual("the root's owner", FrameOwner.TABLE, machine.frames.ownerOf(aspace.rootPfn));
    }
  },
};

const freedAfterTheFlush: Property = {
  id: "P-R2",
  title: "a table is freed once, and only after an invalidation that followed its unlinking",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, machine } = world;
    for (const edge of world.tableEdges()) {
      subject.map(edge - 1, world.pages(2), RW | userOf(subject));
      for (const cpu of world.seers) touch(subject, cpu, edge);
      const tables = machine.tables.live;
      machine.log.clear();
      machine.log.start();
      checkStatus("unmap", Status.OK, subject.unmap(edge - 1, 2));
      machine.log.stop();
      const kinds = machine.log.events.map((event) => event.kind);
      const freed = kinds.filter((kind) => kind === "table-freed").length;
      checkEqual("tables freed", tables - machine.tables.live, freed);
      checkThat("a table to be freed", freed > 0);
      const invalidated = kinds.lastIndexOf("invalidate");
      checkThat("an invalidation before the first free", invalidated >= 0);
      checkThat("no free before the last invalidation", invalidated < kinds.indexOf("table-freed"));
    }
  },
};

const noReservedBits: Property = {
  id: "P-R3",
  title: "no reserved bit in any entry: no walk ends in a malformed one, up to the highest frame",
  kinds: EVERY_KIND,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const end = 2 ** (world.capabilities.physBits - PAGE_SHIFT);
    for (const size of world.leafSizes) {
      for (const flags of LEGAL_FLAGS) {
        const status = subject.mapContiguous(origin, end - size, size, flags);
        checkStatus("mapContiguous", Status.OK, status);
        if (size > 1) subject.unmap(origin, 1, Enlarge.YES);
        subject.clear();
      }
    }
  },
};

const sameKernelHalf: Property = {
  id: "P-R4",
  title: "every user aspace shows the kernel's mappings, whichever of the two came first",
  kinds: ["kernel"],
  run(context) {
    const world = context.world();
    const { subject } = world;
    const older = world.createAspace("user");
    const edges = world.tableEdges();
    for (const edge of edges) subject.map(edge - 1, world.pages(2), RW);
    const younger = world.createAspace("user");
    for (const edge of edges) subject.map(edge + 2, world.pages(1), MmuFlags.READ);
    for (const aspace of [null, older, younger]) {
      for (const cpu of world.machine.cpus) world.switchTo(cpu.id, aspace);
      for (const edge of edges) subject.observe(edge - 1, 4);
      for (const edge of edges) subject.observeWarm(edge - 1, 4);
    }
    subject.clear();
    for (const aspace of [null, older, younger]) {
      for (const cpu of world.machine.cpus) world.switchTo(cpu.id, aspace);
      for (const edge of edges) subject.observeWarm(edge - 1, 4);
    }
  },
};

export const RESOURCES: readonly Property[] = [
  structure,
  freedAfterTheFlush,
  noReservedBits,
  sameKernelHalf,
];
