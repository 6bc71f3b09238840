import {
  type MmuFlagSet,
  NonTerminalAction,
  type Status,
  TerminalAction,
  type Vpn,
} from "@aspace/arch";
import type { Cpu } from "@aspace/machine";
import type { CheckedAspace } from "./checked-aspace.ts";
import type { PropertyContext } from "./property.ts";
import { RO, RW, RX, userOf } from "./touch.ts";
import type { World } from "./world.ts";

/**
 * A small picture, and edits of it that each take something away: what properties of caches do to an
 * aspace, alike. From the origin, in tables:
 *
 * ```
 *   +0                +span              +2 span           +3 span
 *   │ p p p p . . . . │ one large leaf   │ q . . . . . .   │
 * ```
 */
export function draw(world: World): void {
  const { subject, origin, tableSpan } = world;
  const flags = RW | userOf(subject);
  subject.map(origin, world.pages(4), flags);
  if (world.largeSizes.length > 0) {
    subject.mapContiguous(origin + tableSpan, world.device(tableSpan, tableSpan), tableSpan, flags);
  }
  subject.map(origin + 2 * tableSpan, world.pages(1), flags);
}

/** Pages of the picture that CPUs look at. */
export function pictured({ origin, tableSpan }: World): Vpn[] {
  const pages = [0, 1, 3, tableSpan, tableSpan + 3, 2 * tableSpan - 1, 2 * tableSpan];
  return pages.map((at) => origin + at);
}

/** C of the picture, on every CPU that sees the aspace: judges, and leaves all of it cached. */
export function warmUp(world: World, aspace: CheckedAspace = world.subject): void {
  for (const vpn of pictured(world)) {
    for (const cpu of world.seersOf(aspace)) aspace.observer.accessAll(cpu, vpn);
  }
}

/** Lets CPUs walk to the picture on their own initiative, whatever is there in the middle of an edit. */
export function prefetchPictured(world: World, cpus: readonly Cpu[]): void {
  for (const cpu of cpus) for (const vpn of pictured(world)) cpu.prefetch(vpn);
}

/** One edit; it answers OK wherever it is possible. */
export interface Edit {
  readonly name: string;
  readonly run: (world: World) => Status;
}

/** The edits that are possible on a kind of aspace. */
export function editsFor({ kind, capabilities }: PropertyContext): readonly Edit[] {
  const mayLosePages = kind !== "kernel";
  const hasLargeLeaves = capabilities.leafShifts.length > 1;
  const splits = hasLargeLeaves && (mayLosePages || !capabilities.splitNeedsBbm);
  return [
    ...PLAIN,
    ...(capabilities.protectIsUnmap ? [] : PROTECTING),
    ...(splits ? SPLITTING : []),
    ...(splits && !capabilities.protectIsUnmap ? [PROTECT_IN_LEAF] : []),
    ...(splits && mayLosePages ? [UPGRADE_IN_LEAF] : []),
    ...(mayLosePages ? [FREE_TABLES] : []),
  ];
}

const flagsOf = ({ subject }: World, rights: MmuFlagSet): MmuFlagSet => rights | userOf(subject);

/** A page in the middle of the large leaf. */
const inLeaf = ({ origin, tableSpan }: World): Vpn => origin + tableSpan + 3;

const PLAIN: readonly Edit[] = [
  { name: "unmap a page", run: ({ subject, origin }) => subject.unmap(origin + 1, 1) },
  { name: "unmap a table", run: ({ subject, origin }) => subject.unmap(origin, 4) },
  {
    name: "unmap everything",
    run: ({ subject, origin, tableSpan }) => subject.unmap(origin, 3 * tableSpan),
  },
  {
    name: "replace a frame",
    run: (world) =>
      world.subject.map(world.origin + 1, world.pages(1), flagsOf(world, RX), "upgrade"),
  },
  {
    name: "replace frames, read-only",
    run: (world) => world.subject.map(world.origin, world.pages(2), flagsOf(world, RO), "upgrade"),
  },
  {
    name: "harvest",
    run: ({ subject, origin, tableSpan }) =>
      subject.harvest(origin, 3 * tableSpan, "retain", "update-age-and-harvest"),
  },
];

const PROTECTING: readonly Edit[] = [
  {
    name: "write-protect everything",
    run: (world) => world.subject.protect(world.origin, 3 * world.tableSpan, flagsOf(world, RO)),
  },
];

const SPLITTING: readonly Edit[] = [
  { name: "unmap inside a large leaf", run: (world) => world.subject.unmap(inLeaf(world), 1) },
];

const PROTECT_IN_LEAF: Edit = {
  name: "protect inside a large leaf",
  run: (world) => world.subject.protect(inLeaf(world), 1, flagsOf(world, RO)),
};

const UPGRADE_IN_LEAF: Edit = {
  name: "upgrade inside a large leaf",
  run: (world) => world.subject.map(inLeaf(world), world.pages(1), flagsOf(world, RW), "upgrade"),
};

/** Twice, so that the second call finds tables unaccessed. */
const FREE_TABLES: Edit = {
  name: "free unaccessed tables",
  run: ({ subject, origin, tableSpan }) => {
    const { FREE_UNACCESSED } = NonTerminalAction;
    const { UPDATE_AGE_AND_HARVEST } = TerminalAction;
    subject.harvest(origin, 3 * tableSpan, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
    return subject.harvest(origin, 3 * tableSpan, FREE_UNACCESSED, UPDATE_AGE_AND_HARVEST);
  },
};
