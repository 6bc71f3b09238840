/**
 * Calls that are wrong in one or several ways, to find out which way is reported. An object of four pages, made as asked, and
 * the arguments of one call; a `Wrong` spoils something about either.
 */
import { Status, statusName } from "@aspace/arch";
import { isValue, type Result } from "../src/objects/blocking.ts";
import { CloneKind } from "../src/objects/clone.ts";
import {
  createContiguousObject,
  createObject,
  createPagerObject,
} from "../src/objects/create-object.ts";
import { PageAccess } from "../src/objects/lookup-cursor.ts";
import type { MemorySystem } from "../src/objects/memory-system.ts";
import { RequestType } from "../src/objects/page-request.ts";
import { UserPager } from "../src/objects/user-pager.ts";
import { CachePolicy } from "../src/objects/vm-object.ts";
import type { VmObjectPaged } from "../src/objects/vm-object-paged.ts";
import { fillPage, run } from "./small-system.ts";

export const PAGE = 4096n;
export const PAGES = 4;
/** Bytes of the object under test. */
export const SIZE: bigint = 4n * PAGE;

/** What an object under test is made of. */
export type Origin = "anonymous" | "contiguous" | "pager" | "trapping pager";

/** Whether the object under test is the owner of its node, or a view of somebody's. */
export type View = "owner" | "slice" | "reference";

export type Trait =
  | "cloned"
  | "detached"
  | "discardable"
  | "discarded"
  | "pinned"
  | "resizable"
  | "sliced"
  | "uncached";

/** One call on one object. Pages 0 and 1 have content, 2 and 3 have none, unless it is contiguous. */
export interface Situation {
  origin: Origin;
  view: View;
  readonly traits: Set<Trait>;
  offset: bigint;
  length: bigint;
}

export function goodSituation(origin: Origin, view: View, traits: readonly Trait[]): Situation {
  return { origin, view, traits: new Set(traits), offset: 0n, length: PAGE };
}

/** Something wrong with a call, and the status that it is refused with. */
export interface Wrong {
  readonly name: string;
  readonly status: Status;
  readonly spoil: (situation: Situation) => void;
  /** Whether the call is never without it, so that it hides all that come after it. */
  readonly isAlways?: boolean;
}

/** The parts of a situation that most calls can be wrong in. */
export const spoil = {
  outside: (situation: Situation): void => void (situation.offset += SIZE + PAGE),
  unaligned: (situation: Situation): void => void (situation.offset += 1n),
  empty: (situation: Situation): void => void (situation.length = 0n),
  origin:
    (origin: Origin) =>
    (situation: Situation): void =>
      void (situation.origin = origin),
  trait:
    (trait: Trait) =>
    (situation: Situation): void =>
      void situation.traits.add(trait),
} as const;

/** Answers the value of a result that must have one. */
export function made<T extends object>(result: Result<T>): T {
  if (isValue(result)) return result;
  throw new Error(`nothing was made: ${statusName(result)}`);
}

/** What a result that must be none says. */
export function refusal(result: object | Status): Status {
  if (typeof result === "number") return result;
  throw new Error("something was made");
}

/** Makes the object of a situation. */
export function build(system: MemorySystem, { origin, view, traits }: Situation): VmObjectPaged {
  const owner = create(system, origin, view === "slice" ? PAGES + 1 : PAGES, traits);
  const first = view === "slice" ? 1 : 0;
  if (origin !== "contiguous") {
    fillPage(owner.node, first, 100);
    fillPage(owner.node, first + 1, 101);
  }
  if (traits.has("uncached")) expectOk(owner.setCachePolicy(CachePolicy.UNCACHED));
  if (traits.has("cloned")) cloneOf(owner);
  const object = viewOf(owner, view);
  if (traits.has("sliced")) made(object.createSlice({ offset: 0n, size: PAGE }));
  if (traits.has("pinned")) expectOk(run(object.pinRange(0n, 2n * PAGE, PageAccess.READ)));
  if (traits.has("discarded")) discard(object);
  if (traits.has("detached")) expectOk(object.detachSource());
  return object;
}

function create(
  system: MemorySystem,
  origin: Origin,
  pages: number,
  traits: ReadonlySet<Trait>,
): VmObjectPaged {
  const size = BigInt(pages) * PAGE;
  const resizable = traits.has("resizable");
  switch (origin) {
    case "anonymous": {
      const discardable = traits.has("discardable") || traits.has("discarded");
      return made(createObject(system, { size, resizable, discardable }));
    }
    case "contiguous":
      return made(createContiguousObject(system, { size }));
    case "pager":
    case "trapping pager": {
      const trapsDirty = origin === "trapping pager";
      const source = new UserPager().createSource({ key: RequestType.READ, trapsDirty });
      return made(createPagerObject(system, { size, source, resizable }));
    }
    default:
      throw new Error(`there is no origin ${String(origin satisfies never)}`);
  }
}

function viewOf(owner: VmObjectPaged, view: View): VmObjectPaged {
  if (view === "slice") return made(owner.createSlice({ offset: PAGE, size: SIZE }));
  if (view === "reference") return made(owner.createReference({ offset: 0n, size: 0n }));
  return owner;
}

/** Clones all of an object, with whatever kind its tree allows. */
export function cloneOf(object: VmObjectPaged): VmObjectPaged {
  const kind = object.isUserPagerBacked ? CloneKind.SNAPSHOT_AT_LEAST_ON_WRITE : CloneKind.SNAPSHOT;
  const size = BigInt(object.sizePages) * PAGE;
  return made(object.createClone({ kind, offset: 0n, size }));
}

/** Has reclaim throw away the contents of an object. */
export function discard(object: VmObjectPaged): void {
  const size = BigInt(object.sizePages) * PAGE;
  made(object.lockRange(0n, size));
  expectOk(object.unlockRange(0n, size));
  if (object.discardable?.discard(0) !== true) throw new Error("the object was not discarded");
}

export function expectOk(status: Status): void {
  if (status !== Status.OK) throw new Error(`unexpected ${statusName(status)}`);
}
