import {
  KernelPanic,
  MmuFlags,
  PAGE_SHIFT,
  Status,
  formatAddress,
  formatFlags,
  type QueryResult,
} from "@aspace/arch";
import { checkCoherence } from "@aspace/machine";
import type { ModelMapping } from "./model/model-region.ts";
import { READ, WRITE, mappingAt, mappingsIn } from "./model/model-region.ts";
import { readWord } from "./object-operations.ts";
import type { MappedPart, Outcome } from "./outcome.ts";
import type { AspaceResident, ObjectResident } from "./resident.ts";
import { checkDeadMappings, compareTrees } from "./structure.ts";
import type { World } from "./world.ts";

/**
 * What must hold after every operation, whatever it was. The model has already predicted the status; here
 * trees, entries, contents and books are compared with it.
 */

const FRAME_WORDS = 1024;
const PAGE_TABLE_PAGES = 512;
const entry: QueryResult = { pfn: 0, flags: 0, leafShift: PAGE_SHIFT };

/** After an operation: locks, trees, caches, and the entries that it may have changed. */
export function checkStep(world: World, outcome: Outcome): void {
  world.kernel.memory.locks.assertNoneHeld("the end of an operation");
  world.bury();
  compareTrees(world);
  checkCoherence(world.kernel.machine);
  for (const aspace of world.aspaces) {
    const isTouched = outcome.aspace < 0 || outcome.aspace === aspace?.slot;
    if (aspace !== null && isTouched) checkEntries(world, aspace);
  }
  if (world.mayLackMemory) return;
  for (const part of outcome.mapped) checkMapped(world, part);
}

/** Every page of every mapping, and those beside it. */
function checkEntries(world: World, aspace: AspaceResident): void {
  const { base, count, root } = aspace.model;
  for (const mapping of mappingsIn(root, base, base + count)) {
    checkHole(aspace, mapping.base - 1);
    checkHole(aspace, mapping.base + mapping.count);
    for (let page = 0; page < mapping.count; page++) checkEntry(world, aspace, mapping, page);
  }
}

/** I-16. */
function checkHole({ real, model }: AspaceResident, vpn: number): void {
  if (vpn < 0 || mappingAt(model, vpn) !== null) return;
  if (real.arch.query(vpn, entry) !== Status.OK) return;
  throw new KernelPanic("I-16", `${formatAddress(vpn)} is mapped, but nothing is there`);
}

/** An entry is never wider than the model allows, and shows what the model says (I-16..I-20). */
function checkEntry(
  world: World,
  { real, model }: AspaceResident,
  mapping: ModelMapping,
  page: number,
): void {
  const vpn = mapping.base + page;
  if (real.arch.query(vpn, entry) !== Status.OK) return;
  const { capabilities } = world.architecture.aspaces[model.kind];
  const flags = mapping.protections[page]!;
  const allowed = capabilities.normalizeFlags(flags);
  const at = `${formatAddress(vpn)} is ${formatFlags(entry.flags)}`;
  const excess = entry.flags & MmuFlags.RWX_MASK & ~allowed;
  if (excess !== 0 || (flags & READ) === 0) {
    const rule = (excess & WRITE) !== 0 ? "I-20" : "I-17";
    throw new KernelPanic(rule, `${at}, but ${formatFlags(flags)} is allowed`);
  }
  if (((entry.flags ^ allowed) & (MmuFlags.USER | MmuFlags.CACHE_MASK)) !== 0) {
    throw new KernelPanic("I-17", `${at}, but ${formatFlags(flags)} was asked for`);
  }
  checkContent(world, mapping, page, at);
}

function checkContent(world: World, mapping: ModelMapping, page: number, at: string): void {
  const { object } = mapping;
  const objectPage = mapping.objectPage + page;
  const cell = object.cells[objectPage];
  if (cell === undefined) throw new KernelPanic("I-18", `${at}, past the end of its object`);
  if (cell.state === "absent")
    throw new KernelPanic("I-18", `${at}, but its pager has not given it`);
  const { pfn, flags } = entry;
  const seen = world.kernel.machine.memory.words[pfn * FRAME_WORDS]! >>> 0;
  if (seen !== cell.value) throw new KernelPanic("I-18", `${at} with ${seen}, not ${cell.value}`);
  if (object.isPhysical) {
    const isIt = pfn === object.firstFrame + objectPage;
    if (!isIt) throw new KernelPanic("I-18", `${at}, not its device`);
    return;
  }
  if ((flags & WRITE) === 0) return;
  const isClean = object.isPager && cell.state !== "dirty";
  if (pfn === world.pmm.zeroPage || isClean || object.isShared(objectPage)) {
    throw new KernelPanic("I-19", `${at}, but a write would have to ask`);
  }
}

/** I-25: what an operation has mapped in advance is mapped, wherever the object is known to have it. */
function checkMapped({ aspaces }: World, { mapping, from, count }: MappedPart): void {
  const aspace = aspaces.find((each) => each?.model === mapping.aspace);
  if (aspace === undefined || aspace === null) return;
  for (let page = from; page < Math.min(from + count, mapping.count); page++) {
    const flags = mapping.protections[page]!;
    if ((flags & READ) === 0 || !isUsable(mapping, mapping.objectPage + page, flags)) continue;
    const vpn = mapping.base + page;
    if (aspace.real.arch.query(vpn, entry) === Status.OK) continue;
    throw new KernelPanic("I-25", `${formatAddress(vpn)} is not mapped, but it could be`);
  }
}

/** To be written without a fault, a page must be its object's own. */
function isUsable({ object }: ModelMapping, page: number, flags: number): boolean {
  if (object.isPhysical) return page < object.size;
  const cell = object.cells[page];
  if (cell === undefined || !cell.committed) return false;
  return object.isPager || (flags & WRITE) === 0 || cell.share === 0;
}

/** Everything: all contents, all books. */
export function checkWorld(world: World): void {
  const { kernel, residents } = world;
  checkDeadMappings(world);
  for (const resident of residents.values()) checkObject(resident);
  const nodes = [...residents.values()].flatMap(({ paged }) =>
    paged === null ? [] : [paged.node],
  );
  kernel.validate(nodes);
  for (const aspace of world.aspaces) if (aspace !== null) checkEntries(world, aspace);
}

function checkObject({ real, paged, model }: ObjectResident): void {
  if (real.sizePages !== model.size) {
    throw new KernelPanic("P9", `an object has ${real.sizePages} pages, expected ${model.size}`);
  }
  if (paged === null) return;
  for (const [page, { state, value }] of model.cells.entries()) {
    if (state === "absent") continue;
    const seen = readWord(paged, page);
    if (seen !== value) throw new KernelPanic("P9", `page ${page} is ${seen}, expected ${value}`);
  }
  if (model.isPager)
    checkDirt(
      paged,
      model.cells.map(({ state }) => state),
    );
}

function checkDirt(paged: NonNullable<ObjectResident["paged"]>, states: readonly string[]): void {
  const seen = states.map(() => false);
  const size = BigInt(states.length) << BigInt(PAGE_SHIFT);
  paged.enumerateDirtyRanges(0n, size, ({ page, count }) => {
    seen.fill(true, page, page + count);
    return true;
  });
  for (const [page, state] of states.entries()) {
    const isDirty = state === "dirty" || state === "awaiting-clean";
    if (seen[page] === isDirty) continue;
    throw new KernelPanic("P16", `page ${page} is ${seen[page] ? "" : "not "}dirty, but ${state}`);
  }
}

/**
 * What one CPU may have mapped by a fault (I-22): at most 16 entries, of one table, from the page on. Entries may go
 * anywhere: where else the page of the object was shown, it is another frame now.
 */
export class FaultWatch {
  readonly #before = new Map<number, number>();

  begin({ real, model }: AspaceResident): void {
    this.#before.clear();
    for (const mapping of mappingsIn(model.root, model.base, model.base + model.count)) {
      for (let vpn = mapping.base; vpn < mapping.base + mapping.count; vpn++) {
        this.#before.set(vpn, entryWord(real, vpn));
      }
    }
  }

  end({ real }: AspaceResident, vpn: number): void {
    for (const [page, before] of this.#before) {
      const after = entryWord(real, page);
      if (after === before || after === ABSENT) continue;
      const isNear = page >= vpn && page < vpn + 16;
      const isSameTable =
        Math.floor(page / PAGE_TABLE_PAGES) === Math.floor(vpn / PAGE_TABLE_PAGES);
      if (isNear && isSameTable) continue;
      throw new KernelPanic(
        "I-22",
        `a fault on ${formatAddress(vpn)} changed ${formatAddress(page)}`,
      );
    }
  }
}

const ABSENT = -1;

function entryWord(real: AspaceResident["real"], vpn: number): number {
  return real.arch.query(vpn, entry) === Status.OK ? entry.pfn * 256 + entry.flags : ABSENT;
}
