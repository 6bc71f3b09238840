import { Status } from "@aspace/arch";
import { RequestType } from "@aspace/vm";
import type { Operation } from "./operation.ts";
import type { Outcome } from "./outcome.ts";
import type { WaitingThread } from "./threads.ts";
import type { World } from "./world.ts";

/**
 * Situations worth reaching (F-13). Each is counted when it happens; a campaign lists those that stayed at zero,
 * because silence about a situation nobody reached is not evidence.
 */
export const SITUATIONS = [
  "a mapping was cut in two",
  "a mapping with several protections was cut in two",
  "two mappings became one",
  "a mapping was overwritten",
  "a sub-region was unmapped with all in it",
  "protections in a sub-region were lowered",
  "a mapping reached past its object",
  "an object shrank under a mapping",
  "an object was written through two mappings",
  "a snapshot was taken of what is mapped",
  "a mapping's priority was high",
  "the vDSO was mapped",
  "the vDSO refused",
  "a region was full",
  "an operation ran out of memory",
  "a fault waited for content",
  "a range operation waited for content",
  "a write waited for leave",
  "a wait for memory ended well",
  "a wait ended well",
  "a wait failed",
  "a mapping ended while somebody waited",
  "an aspace ended with mappings",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export class SituationCounts {
  readonly counts: Record<Situation, number>;

  constructor() {
    this.counts = Object.fromEntries(SITUATIONS.map((name) => [name, 0])) as Record<
      Situation,
      number
    >;
  }

  note(situation: Situation): void {
    this.counts[situation]++;
  }

  noteIf(isSo: boolean, situation: Situation): void {
    if (isSo) this.note(situation);
  }

  /** What a woken thread had waited for, and how that went. */
  noteWake({ request }: WaitingThread): void {
    const isWell = request.status === Status.OK;
    const isMemory = request.type === RequestType.MEMORY;
    this.noteIf(isWell && isMemory, "a wait for memory ended well");
    this.noteIf(isWell && !isMemory, "a wait ended well");
    this.noteIf(!isWell, "a wait failed");
  }

  /** What an operation came to that says more than its answer. */
  noteOperation(world: World, operation: Operation, { status }: Outcome, before: Census): void {
    if (status === null) return;
    const after = census(world);
    const { kind } = operation;
    const isDone = status === Status.OK;
    const isCut = ["unmap", "unmapPartly", "mappingUnmap"].includes(kind);
    this.noteIf(isDone && isCut && after.mappings > before.mappings, "a mapping was cut in two");
    const isRich = after.runs > after.mappings + 1;
    this.noteIf(
      isDone && isCut && after.mappings > before.mappings && isRich,
      "a mapping with several protections was cut in two",
    );
    this.noteIf(kind === "merge" && after.mappings < before.mappings, "two mappings became one");
    const isOverwrite = kind === "map" && operation.spot === "overwrite" && isDone;
    this.noteIf(isOverwrite && after.mappings <= before.mappings, "a mapping was overwritten");
    const hasLostRegion = isDone && kind === "unmap" && after.regions < before.regions;
    this.noteIf(hasLostRegion, "a sub-region was unmapped with all in it");
    const isDeep = kind === "protect" && operation.children === "yes" && after.deep > 0;
    this.noteIf(isDone && isDeep, "protections in a sub-region were lowered");
    this.noteIf(after.long > 0, "a mapping reached past its object");
    this.noteIf(kind === "resize" && after.long > before.long, "an object shrank under a mapping");
    const isStore = kind === "access" && operation.access === "store" && isDone;
    this.noteIf(isStore && after.twice > 0, "an object was written through two mappings");
    const isSnapshot = isDone && kind === "snapshot" && after.mappings > 0;
    this.noteIf(isSnapshot, "a snapshot was taken of what is mapped");
    this.noteIf(after.high > 0, "a mapping's priority was high");
    this.noteIf(after.vdso > before.vdso, "the vDSO was mapped");
    this.noteIf(after.vdso > 0 && status === Status.ACCESS_DENIED, "the vDSO refused");
    this.noteIf(status === Status.NO_RESOURCES, "a region was full");
    this.noteIf(status === Status.NO_MEMORY, "an operation ran out of memory");
    this.noteIf(
      kind === "recreate" && before.mappings > after.mappings,
      "an aspace ended with mappings",
    );
    const hasEnded = after.waiting > 0 && after.mappings < before.mappings;
    this.noteIf(hasEnded, "a mapping ended while somebody waited");
    if (status !== Status.SHOULD_WAIT) return;
    this.noteIf(kind === "operate", "a range operation waited for content");
    const [thread] = world.threads.filter((each) => each !== null).slice(-1);
    const isRead = thread?.request.type === RequestType.READ;
    this.noteIf(kind === "access" && isRead, "a fault waited for content");
    this.noteIf(thread?.request.type === RequestType.DIRTY, "a write waited for leave");
  }
}

/** A world in numbers. */
export interface Census {
  mappings: number;
  /** Runs of equal protections. */
  runs: number;
  regions: number;
  /** Mappings in sub-regions, mappings that are longer than what they show, and those with high priority. */
  deep: number;
  long: number;
  high: number;
  /** Objects with two mappings or more. */
  twice: number;
  vdso: number;
  waiting: number;
}

function runsOf(flags: readonly number[]): number {
  return flags.filter((word, at) => at === 0 || word !== flags[at - 1]).length;
}

export function census({ realOf, regions, aspaces, threads, residents }: World): Census {
  const live = [...realOf.keys()].filter(({ isAlive }) => isAlive);
  const mapped = live.map(({ object }) => object);
  return {
    mappings: live.length,
    runs: live.reduce((sum, { protections }) => sum + runsOf(protections), 0),
    regions: regions.filter((region) => region?.model.isAlive === true).length,
    deep: live.filter(({ parent, aspace }) => parent !== aspace.root).length,
    long: live.filter(({ object, objectPage, count }) => objectPage + count > object.size).length,
    high: live.filter(({ isHigh }) => isHigh).length,
    twice: [...residents.keys()].filter(
      (object) => mapped.indexOf(object) !== mapped.lastIndexOf(object),
    ).length,
    vdso: aspaces.filter((aspace) => aspace !== null && aspace.model.vdso !== null).length,
    waiting: threads.filter((thread) => thread !== null).length,
  };
}
