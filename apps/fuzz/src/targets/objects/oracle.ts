import { KernelPanic, Status, statusName } from "@aspace/arch";
import {
  PageState,
  RequestType,
  SlotKind,
  slotKind,
  slotReference,
  validateSystem,
  type CowNode,
  type SpliceList,
} from "@aspace/vm";
import type { Actor } from "./actor.ts";
import { checkFamily } from "./family-operations.ts";
import { checkTranslations } from "./mapping-operations.ts";
import type { Cell } from "./model/cell.ts";
import type { ModelNode } from "./model/model-node.ts";
import { Ask, type ModelSource } from "./model/model-source.ts";
import { PAGE_SIZE, ZERO } from "./model/page-value.ts";
import { Look } from "./onlooker.ts";
import { expectThat } from "./outcome.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/**
 * What must hold after every operation, whatever it was. The model has already said what the operation should
 * answer; here everything that can be seen of the real objects is compared with it.
 */
export function checkStep(world: World, resident: Resident | null): void {
  checkContents(world, Look.TELLING);
  checkTranslations(world);
  checkWaits(world);
  if (resident?.isAlive === true) resident.object.validate();
}

/** Everything, down to every byte and every frame. */
export function checkWorld(world: World): void {
  checkContents(world, Look.ALL);
  checkFamily(world.residents);
  checkAttribution(world);
  for (const pager of world.pagers) pager.validate();
  checkPins(world);
  const { frames, references } = heldContent(world);
  validateSystem(world.system, nodesOf(world), frames, references);
  if (!hasOrphans(world)) checkTotal(world, references);
}

/** P15: what is pinned is there and pinned. */
function checkPins({ pins }: World): void {
  for (const held of pins) {
    if (held === null) continue;
    const { resident, page, count } = held;
    const isPinned = resident.object.isRangePinned(page, count);
    expectThat(
      isPinned,
      "P15",
      () => `pages ${page}+${count} of object ${resident.serial} are not pinned`,
    );
  }
}

/** P8: while every node has its object, all that is stored is charged to someone, once. */
function checkTotal(world: World, heldReferences: number): void {
  const { pmm, compressor } = world.system;
  const { compression } = world;
  let stored = pmm.pages.countOf(PageState.OBJECT) + compressor.liveCount - heldReferences;
  if (compression !== null)
    stored += Number(isBeingCompressed(world, compression.node, compression.page));
  let charged = 0;
  for (const { object } of world.residents) {
    const { uncompressedBytes, compressedBytes } = object.attributedMemoryInRange(
      0,
      object.sizePages,
    );
    charged += uncompressedBytes + compressedBytes;
  }
  expectThat(
    charged === stored * PAGE_SIZE,
    "P8",
    () => `${stored} pages are stored, ${charged} bytes charged`,
  );
}

function isBeingCompressed(
  { system: { compressor } }: World,
  node: CowNode,
  page: number,
): boolean {
  const slot = node.get(page);
  return slotKind(slot) === SlotKind.REFERENCE && compressor.isTemporary(slotReference(slot));
}

/** Whether content may be charged to nobody: that of nodes whose own object died, or that is in somebody's hands. */
function hasOrphans({ residents, actors }: World): boolean {
  for (const { object } of residents) {
    for (let at: CowNode | null = object.node; at !== null; at = at.parent) {
      if (!at.isHidden && at.object === null) return true;
    }
  }
  return actors.some((actor) => actor !== null && HOLDERS.has(actor.kind));
}

function nodesOf({ residents }: World): Set<CowNode> {
  return new Set(Array.from(residents, ({ object }) => object.node));
}

/** P9, P10, P12, P16: each page of each node that an object shows. */
function checkContents(world: World, look: Look): void {
  const checked = new Set<CowNode>();
  for (const { object, model, serial } of world.residents) {
    const { node } = object;
    expectThat(
      object.sizePages === model.sizePages,
      "P12",
      () => `object ${serial} has ${object.sizePages} pages, expected ${model.sizePages}`,
    );
    if (checked.has(node)) continue;
    checked.add(node);
    for (let page = 0; page < node.sizePages; page++) {
      checkPage(world, node, model.node, page, look, serial);
    }
    checkPriority(node, model.node, serial);
  }
}

function checkPage(
  { onlooker }: World,
  real: CowNode,
  node: ModelNode,
  page: number,
  look: Look,
  serial: number,
): void {
  const where = `page ${page} of object ${serial}`;
  const place = onlooker.find(real, page);
  const value = onlooker.valueOf(place, look);
  const expected = node.contentAt(page);
  expectThat(
    value === expected,
    "P9",
    () => `${where} is ${describe(value)}, expected ${describe(expected)}`,
  );
  const seen = onlooker.see(real, page);
  const pins = node.pinsAt(page);
  expectThat(seen.pins === pins, "P15", () => `${where} has ${seen.pins} pins, expected ${pins}`);
  if (!node.isUnderPager || node.siblings.size > 1) return;
  const wanted = ownKind(node, page);
  const isSame =
    wanted === "any" || wanted === seen.own || (wanted === "page" && seen.own === "compressed");
  const isZeroAlike =
    node.source === null && value === ZERO && wanted !== "nothing" && seen.own !== "nothing";
  expectThat(isSame || isZeroAlike, "P11", () => `${where} holds ${seen.own}, expected ${wanted}`);
  const cell = node.cells.get(page);
  const dirt = cell === undefined || cell.kind === "marker" ? seen.dirt : cell.dirt;
  expectThat(seen.dirt === dirt, "P16", () => `${where} is ${seen.dirt}, expected ${dirt}`);
}

/** Where nothing from above can be seen, an explicit zero is as good as none. */
function ownKind(node: ModelNode, page: number): Cell["kind"] | "nothing" | "any" {
  const cell = node.cells.get(page);
  const isInView = node.window === null || page < node.window.limit;
  if (cell === undefined) return isInView ? "nothing" : "any";
  return cell.kind === "marker" && !isInView ? "any" : cell.kind;
}

function describe(value: number | null): string {
  if (value === null) return "absent";
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 255).join("-");
}

function checkPriority(real: CowNode, node: ModelNode, serial: number): void {
  const { priority } = node;
  if (node.siblings.size > 1 && node.lookers.size > 0) return;
  expectThat(
    real.highPriorityCount === priority,
    "P20",
    () =>
      `object ${serial} has ${real.highPriorityCount} reasons for priority, expected ${priority}`,
  );
}

/** P17 and P18: who waits is who should wait, for what it should wait for. */
function checkWaits(world: World): void {
  for (const actor of world.actors) if (actor !== null) checkActor(actor);
  checkPackets(world);
  for (const [real, { source }] of world.nodes) {
    if (source === null || real.source === null) continue;
    if (!isUsed(world, real)) continue;
    checkAsked(real, source);
  }
}

/** P17: pagers have to read what they were not told yet, and nothing else. */
function checkPackets({ pagers, sources }: World): void {
  for (const [index, pager] of pagers.entries()) {
    let expected = 0;
    for (const source of sources.values())
      if (source.pager === index) expected += source.packetCount;
    expectThat(
      pager.packetCount === expected,
      "P17",
      () => `pager ${index} has ${pager.packetCount} packets to read, expected ${expected}`,
    );
  }
}

function isUsed({ residents }: World, root: CowNode): boolean {
  for (const { object } of residents) {
    for (let at: CowNode | null = object.node; at !== null; at = at.parent)
      if (at === root) return true;
  }
  return false;
}

function checkActor({ request, waiter, kind, serial }: Actor): void {
  if (waiter === null) return;
  const expected = waiter.status;
  const seen = request.isOutstanding ? Status.SHOULD_WAIT : request.status;
  if (seen === expected) return;
  throw new KernelPanic(
    "P18",
    `the wait of ${kind} ${serial} is ${statusName(seen)}, expected ${statusName(expected)}`,
  );
}

function checkAsked(real: CowNode, source: ModelSource): void {
  for (const [ask, type] of [
    [Ask.READ, RequestType.READ],
    [Ask.DIRTY, RequestType.DIRTY],
  ] as const) {
    const seen = real.source!.outstanding(type).map(textOf).join(", ");
    const expected = source.asked[ask].map(textOf).join(", ");
    expectThat(seen === expected, "P17", () => `to ${ask} are ${seen}, expected ${expected}`);
  }
}

function textOf(range: {
  page: number;
  count: number;
  pending: number;
  waiters: readonly unknown[];
}): string {
  return `${range.page}+${range.count} pending ${range.pending} waiters ${range.waiters.length}`;
}

/** P8: parts add up to the whole, and what was charged is charged until the generation moves. */
function checkAttribution({ residents }: World): void {
  for (const resident of residents) {
    const { object, serial } = resident;
    const { generation } = object.hierarchy;
    const size = object.sizePages;
    const middle = size >> 1;
    const charged = (page: number, count: number): number => {
      const { uncompressedBytes, compressedBytes } = object.attributedMemoryInRange(page, count);
      return uncompressedBytes + compressedBytes;
    };
    const bytes = [charged(0, size), charged(0, middle), charged(middle, size - middle)];
    const [all, first, second] = bytes as [number, number, number];
    expectThat(
      all === first + second,
      "P8",
      () => `object ${serial} is charged ${all}, but ${first} and ${second} in parts`,
    );
    const before = resident.attributed;
    resident.attributed = { generation, bytes };
    if (before?.generation !== generation) continue;
    const isSame = before.bytes.join() === bytes.join();
    expectThat(isSame, "P8", () => `what object ${serial} is charged changed within a generation`);
  }
}

/** What is on its way: in splice lists, and in operations that wait with content in hand. */
function heldContent(world: World): { frames: number; references: number } {
  const { pmm, compressor } = world.system;
  const held = { frames: 0, references: 0 };
  for (const list of world.lists) {
    for (const kind of list === null ? [] : kindsIn(list)) {
      if (kind === SlotKind.PAGE) held.frames++;
      if (kind === SlotKind.REFERENCE) held.references++;
    }
  }
  const isUnknown = world.actors.some((actor) => actor !== null && HOLDERS.has(actor.kind));
  if (isUnknown) held.frames = pmm.pages.countOf(PageState.ALLOC) - compressor.frameCount;
  return held;
}

function kindsIn(list: SpliceList): SlotKind[] {
  return Array.from({ length: list.count }, (_, at) => slotKind(list.get(at)));
}

/** Operations that may keep frames while they wait. How many, nobody can see. */
const HOLDERS: ReadonlySet<string> = new Set(["dirty", "supply", "supplyList", "serve"]);
