import { Status } from "@aspace/arch";
import {
  AllocationPolicy,
  createContiguousObject,
  createObject,
  createPagerObject,
  isValue,
  type Result,
  type VmObjectPaged,
} from "@aspace/vm";
import { bigPages } from "./byte-edge.ts";
import {
  cloneObject,
  cloneStatus,
  referenceStatus,
  referenceTo,
  sliceObject,
  sliceStatus,
} from "./model/children.ts";
import { pageCell } from "./model/cell.ts";
import { ModelNode, NodeType } from "./model/model-node.ts";
import { ModelObject, Use } from "./model/model-object.ts";
import { ModelSource } from "./model/model-source.ts";
import { ZERO } from "./model/page-value.ts";
import {
  Mappings,
  ObjectType,
  Patience,
  Sizing,
  type Creation,
  type OperationOf,
} from "./operation.ts";
import { expectAnswer, expectThat, type Stage } from "./outcome.ts";
import { Resident } from "./resident.ts";
import { map, unprioritize } from "./mapping-operations.ts";

/** Every third object has no id of its own, as kernel-internal ones. */
const ANONYMITY = 3;

/** A new object in a free slot. */
export function create(stage: Stage, creation: Creation, slot: number): Status {
  const { world, serial } = stage;
  const isPaged = creation.type === ObjectType.PAGER || creation.type === ObjectType.TRAPPING_PAGER;
  const source = isPaged ? pagerSource(stage, creation) : null;
  const made = world.attempt(() => createReal(stage, creation, source));
  const expected = creationStatus(creation);
  // Memory enough may lie in too small pieces.
  if (creation.type === ObjectType.CONTIGUOUS) world.mayLackMemory = true;
  if (!isValue(made)) return refusal(stage, "create", expected, made);
  expectAnswer("create", expected, Status.OK);
  const resident = settle(stage, made, createModel(creation), slot);
  const { source: modelSource } = resident.model.node;
  if (modelSource !== null) {
    world.paged.set(serial, resident);
    world.sources.set(serial, modelSource);
  }
  return Status.OK;
}

function creationStatus({ type, pages, sizing }: Creation): Status {
  if (type === ObjectType.CONTIGUOUS && pages === 0) return Status.INVALID_ARGS;
  const isFixed = type !== ObjectType.ALWAYS_PINNED || sizing === Sizing.FIXED;
  return isFixed ? Status.OK : Status.INVALID_ARGS;
}

function pagerSource({ world, serial }: Stage, { pager, type }: Creation): RealSource {
  const trapsDirty = type === ObjectType.TRAPPING_PAGER;
  return world.pagers[pager]!.createSource({ key: serial, trapsDirty });
}

type RealSource = NonNullable<VmObjectPaged["node"]["source"]>;

function createReal(
  { world: { system } }: Stage,
  { type, pages, sizing, patience }: Creation,
  source: RealSource | null,
): Result<VmObjectPaged> {
  const size = bigPages(pages);
  const resizable = sizing === Sizing.RESIZABLE;
  if (source !== null) return createPagerObject(system, { size, source, resizable });
  if (type === ObjectType.CONTIGUOUS) return createContiguousObject(system, { size });
  const waits = patience === Patience.WAITS;
  return createObject(system, {
    size,
    resizable,
    discardable: type === ObjectType.DISCARDABLE,
    alwaysPinned: type === ObjectType.ALWAYS_PINNED,
    policy: waits ? AllocationPolicy.CAN_WAIT : AllocationPolicy.NEVER_WAITS,
  });
}

function createModel({ type, pages, sizing, patience, pager }: Creation): ModelObject {
  const isTrapping = type === ObjectType.TRAPPING_PAGER;
  const isPaged = isTrapping || type === ObjectType.PAGER;
  const isContiguous = type === ObjectType.CONTIGUOUS;
  const node = new ModelNode(
    isPaged ? NodeType.PAGER : isContiguous ? NodeType.CONTIGUOUS : NodeType.ANONYMOUS,
    pages,
    {
      mayWait: isPaged || (!isContiguous && patience === Patience.WAITS),
      ...(isPaged ? { source: new ModelSource(pager, isTrapping) } : {}),
    },
  );
  const isPinned = type === ObjectType.ALWAYS_PINNED;
  const present = isContiguous || isPinned ? pages : 0;
  for (let page = 0; page < present; page++) {
    node.cells.set(page, { ...pageCell(ZERO), pins: isPinned ? 1 : 0 });
  }
  return new ModelObject({
    node,
    use: Use.OWNER,
    isResizable: sizing === Sizing.RESIZABLE && !isContiguous,
    isDiscardable: type === ObjectType.DISCARDABLE,
    isAlwaysPinned: isPinned,
  });
}

export function clone(stage: Stage, operation: OperationOf<"clone">, parent: Resident): Status {
  const { clone: kind, page, count, sizing, to } = operation;
  const resizable = sizing === Sizing.RESIZABLE;
  const expected = cloneStatus(parent.model, kind);
  const made = stage.world.attempt(() =>
    parent.object.createClone({ kind, offset: bigPages(page), size: bigPages(count), resizable }),
  );
  if (!isValue(made)) return refusal(stage, `clone ${kind}`, expected, made);
  expectAnswer(`clone ${kind}`, expected, Status.OK);
  settle(stage, made, cloneObject(parent.model, kind, { page, count }, resizable), to);
  return Status.OK;
}

export function slice(stage: Stage, operation: OperationOf<"slice">, parent: Resident): Status {
  const { page, count, to } = operation;
  const expected = sliceStatus(parent.model, { page, count });
  const made = stage.world.attempt(() =>
    parent.object.createSlice({ offset: bigPages(page), size: bigPages(count) }),
  );
  if (!isValue(made)) return refusal(stage, "slice", expected, made);
  expectAnswer("slice", expected, Status.OK);
  settle(stage, made, sliceObject(parent.model, { page, count }), to);
  return Status.OK;
}

export function reference(
  stage: Stage,
  { sizing, to }: OperationOf<"reference">,
  parent: Resident,
): Status {
  const resizable = sizing === Sizing.RESIZABLE;
  const expected = referenceStatus(parent.model, resizable);
  const made = stage.world.attempt(() =>
    parent.object.createReference({ offset: 0n, size: 0n, resizable }),
  );
  if (!isValue(made)) return refusal(stage, "reference", expected, made);
  expectAnswer("reference", expected, Status.OK);
  settle(stage, made, referenceTo(parent.model), to);
  return Status.OK;
}

/** Nothing was made. Only a shortage may refuse what the model allows. */
function refusal({ world }: Stage, what: string, expected: Status, seen: Status): Status {
  const isStarved = seen === Status.NO_MEMORY && world.mayLackMemory;
  expectAnswer(what, expected, isStarved ? Status.OK : seen);
  return seen;
}

function settle(stage: Stage, object: VmObjectPaged, model: ModelObject, slot: number): Resident {
  const { world, serial } = stage;
  const resident = new Resident(object, model, serial);
  if (serial % ANONYMITY !== 0) object.setUserId(serial);
  world.objects[slot] = resident;
  world.residents.add(resident);
  world.nodes.set(object.node, model.node);
  if (world.mappings === Mappings.ALWAYS) map(resident);
  return resident;
}

/** The handle goes, and with it the mapping. What else holds the object keeps it. */
export function drop(stage: Stage, slot: number): Status {
  const { world } = stage;
  const resident = world.objects[slot]!;
  world.objects[slot] = null;
  if (resident.mapping !== null) unmap(resident);
  resident.letGo();
  return Status.OK;
}

/** Ends the mapping of an object, and the priority it brought. */
export function unmap(resident: Resident): void {
  const { object, model, mapping } = resident;
  if (mapping === null) return;
  unprioritize(resident);
  const { lock } = object.hierarchy;
  lock.acquire();
  object.removeMappingLocked(mapping);
  lock.release();
  resident.mapping = null;
  model.isMapped = false;
  resident.letGo();
}

/** P5: who is whose child. */
export function checkFamily(residents: Iterable<Resident>): void {
  for (const { object, model, serial, farewells } of residents) {
    const isSame =
      object.children.size === model.children.size &&
      (object.parent === null) === (model.parent === null);
    const isTold = farewells === model.farewells;
    expectThat(
      isTold,
      "P5",
      () =>
        `object ${serial} heard ${farewells} times that it has no child, expected ${model.farewells}`,
    );
    expectThat(
      isSame,
      "P5",
      () =>
        `object ${serial} has ${object.children.size} children, expected ${model.children.size}`,
    );
  }
}
