import {
  Access,
  Enlarge,
  FaultFlags,
  MmuFlags,
  type MmuFlagSet,
  NonTerminalAction,
  Status,
  TerminalAction,
} from "@aspace/arch";
import { checkEqual, checkStatus, checkThat } from "./check.ts";
import {
  EVERY_KIND,
  type Property,
  needsAccessedBit,
  needsLargeLeaves,
  needsProtect,
} from "./property.ts";
import { POLICIES, RO, RW, RWX, RX, store, touch, userOf } from "./touch.ts";

/** Changing the rights of what is mapped. */

const RIGHTS: readonly MmuFlagSet[] = [RO, RW, RX, RWX];

const changesRightsOnly: Property = {
  id: "P-P1",
  title: "frame and cache policy stay, rights are the new ones, holes stay holes",
  kinds: EVERY_KIND,
  excludedBy: needsProtect,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    for (const size of world.leafSizes) {
      for (const policy of POLICIES) {
        // Every pair of rights for one policy; for the others, what matters is that they stay.
        const isPlain = policy === MmuFlags.CACHED;
        for (const from of isPlain ? rightsWithUser() : [RW | userOf(subject)]) {
          subject.mapContiguous(origin, world.device(size, size), size, from | policy);
          subject.mapContiguous(origin + 2 * size, world.device(1, 1), 1, from | policy);
          for (const to of rightsWithUser()) {
            const status = subject.protect(origin, 2 * size + 1, to | policy);
            checkStatus("protect", Status.OK, status);
            subject.observeWarm(origin, 1);
          }
          subject.clear();
        }
      }
    }
  },
};

function rightsWithUser(): MmuFlagSet[] {
  return RIGHTS.flatMap((rights) => [rights, rights | MmuFlags.USER]);
}

const sameFlags: Property = {
  id: "P-P2",
  title: "protect to the flags that pages have writes nothing and invalidates nothing",
  kinds: EVERY_KIND,
  excludedBy: needsProtect,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    for (const rights of RIGHTS) {
      const flags = rights | userOf(subject);
      for (const size of world.leafSizes) {
        subject.mapContiguous(origin, world.device(size, size), size, flags);
        for (const cpu of world.seers) touch(subject, cpu, origin);
        const before = world.fingerprint();
        checkStatus("protect", Status.OK, subject.protect(origin, size, flags));
        checkEqual("the machine", before, world.fingerprint());
        subject.clear();
      }
    }
  },
};

const removedRightsAreGone: Property = {
  id: "P-P3",
  title: "after rights were removed, every CPU faults on the next such access",
  kinds: EVERY_KIND,
  excludedBy: needsProtect,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    for (const size of world.leafSizes) {
      for (const from of rightsWithUser()) {
        for (const to of rightsWithUser().filter((rights) => (rights & ~from) === 0)) {
          subject.mapContiguous(origin, world.device(size, size), size, from);
          subject.observeWarm(origin, 1);
          checkStatus("protect", Status.OK, subject.protect(origin, size, to));
          subject.observeWarm(origin, 1);
          subject.clear();
        }
      }
    }
  },
};

const grantedWriteGoesThrough: Property = {
  id: "P-P4",
  title: "a write that faulted goes through once WRITE was granted",
  kinds: EVERY_KIND,
  excludedBy: needsProtect,
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const user = userOf(subject);
    const access = context.kind === "kernel" ? Access.KERNEL_WRITE : Access.USER_WRITE;
    for (const rights of [RO, RX]) {
      for (const cpu of world.seers) {
        subject.map(origin, world.pages(1), rights | user);
        for (const other of world.seers) touch(subject, other, origin);
        checkThat(`CPU ${cpu.id}'s write to fault`, cpu.access(origin, access) !== 0);
        checkStatus(
          "protect",
          Status.OK,
          subject.protect(origin, 1, rights | MmuFlags.WRITE | user),
        );
        store(subject, cpu, origin, 1);
        subject.clear();
      }
    }
  },
};

const failingSplit: Property = {
  id: "P-P5",
  title: "a split without memory: NO_MEMORY, nothing changed, and unmap with Enlarge.YES succeeds",
  kinds: EVERY_KIND,
  excludedBy: (capabilities) => needsProtect(capabilities) ?? needsLargeLeaves(capabilities),
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const flags = RW | userOf(subject);
    for (const size of world.largeSizes) {
      subject.mapContiguous(origin, world.device(2 * size, size), 2 * size, flags);
      subject.observeWarm(origin + 1, 1);
      world.machine.tables.failures.failAlways();
      const status = subject.protect(origin + 1, size, RO | userOf(subject), Enlarge.YES);
      checkStatus("protect", Status.NO_MEMORY, status);
      subject.observeWarm(origin + 1, 1);
      checkStatus("unmap", Status.OK, subject.unmap(origin + 1, size, Enlarge.YES));
      world.machine.tables.failures.failNever();
      subject.observeWarm(origin + 1, 1);
      subject.clear();
    }
  },
};

const endsAccessFaults: Property = {
  id: "P-P6",
  title: "after protect, a retry raises no access fault",
  kinds: EVERY_KIND,
  excludedBy: (capabilities) => {
    if (capabilities.hwAccessed) return "hwAccessed: there are no access faults";
    return needsProtect(capabilities) ?? needsAccessedBit(capabilities);
  },
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    const { architecture } = world.options;
    const access = context.kind === "kernel" ? Access.KERNEL_READ : Access.USER_READ;
    const isAccessFault = (fault: number): boolean =>
      fault !== 0 && (architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0;
    for (const to of [RO, RW]) {
      subject.map(origin, world.pages(1), RW | userOf(subject));
      for (const cpu of world.seers) touch(subject, cpu, origin);
      subject.harvest(origin, 1, NonTerminalAction.RETAIN, TerminalAction.UPDATE_AGE_AND_HARVEST);
      const [first] = world.seers;
      checkThat("an access fault after the harvest", isAccessFault(first!.access(origin, access)));
      checkStatus("protect", Status.OK, subject.protect(origin, 1, to | userOf(subject)));
      for (const cpu of world.seers) {
        checkThat("no access fault after protect", !isAccessFault(cpu.access(origin, access)));
      }
      subject.clear();
    }
  },
};

const protectThatUnmaps: Property = {
  id: "P-P7",
  title: "where protect unmaps, it is OK and the range is gone",
  kinds: EVERY_KIND,
  excludedBy: ({ protectIsUnmap }) => (protectIsUnmap ? null : "not protectIsUnmap"),
  run(context) {
    const world = context.world();
    const { subject, origin } = world;
    for (const size of world.leafSizes) {
      for (const enlarge of Object.values(Enlarge)) {
        subject.mapContiguous(origin, world.device(size, size), size, RWX);
        subject.observeWarm(origin, 1);
        checkStatus("protect", Status.OK, subject.protect(origin, 1, RO, enlarge));
        checkStatus("query", Status.NOT_FOUND, subject.reference.query(origin));
        subject.observeWarm(origin, 1);
        subject.clear();
      }
    }
  },
};

export const PROTECT: readonly Property[] = [
  changesRightsOnly,
  sameFlags,
  removedRightsAreGone,
  grantedWriteGoesThrough,
  failingSplit,
  endsAccessFaults,
  protectThatUnmaps,
];
