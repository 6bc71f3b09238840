import { Status } from "@aspace/arch";
import {
  CompressionOutcome,
  HintAction,
  ReclaimResult,
  SlotKind,
  beginCompression as beginReal,
  dedupZeroPage,
  finishCompression as finishReal,
  reclaimPage,
  scanStep,
  slotKind,
  slotPage,
  type CowNode,
} from "@aspace/vm";
import { Dirt, markerCell } from "./model/cell.ts";
import { NodeType, type ModelNode } from "./model/model-node.ts";
import { CACHED } from "./model/model-object.ts";
import { ZERO } from "./model/page-value.ts";
import { expectThat, type Stage } from "./outcome.ts";
import type { Place } from "./onlooker.ts";
import type { Resident } from "./resident.ts";
import type { World } from "./world.ts";

/** What the model can say about an attempt to take a page away. */
type Forecast = "goes" | "stays" | "either";

/** Where a page that is in RAM lies, or null. */
export function pageAt({ world }: Stage, { object }: Resident, page: number): Place | null {
  if (page >= object.sizePages) return null;
  const place = world.onlooker.find(object.node, page + object.sliceOffset);
  return slotKind(place.slot) === SlotKind.PAGE ? place : null;
}

/** Reclaims one frame: evicts it or compresses it. */
export function evict({ world, situations }: Stage, place: Place, hints: HintAction): Status {
  const { system } = world;
  system.compressor.arm();
  const frame = slotPage(place.slot);
  const isNeeded = system.pmm.pages.alwaysNeed[frame] === 1 && hints === HintAction.FOLLOW;
  const forecast = reclaimForecast(world, place, isNeeded);
  const result = reclaimPage(system, frame, hints);
  checkForecast("reclaim", forecast, result !== ReclaimResult.KEPT);
  const node = world.nodes.get(place.node);
  if (result === ReclaimResult.EVICTED) node!.cells.delete(place.page);
  situations.noteIf(result === ReclaimResult.EVICTED, "a page was evicted");
  situations.noteIf(result === ReclaimResult.COMPRESSED, "a page was compressed");
  const isHigh = result === ReclaimResult.KEPT && place.node.highPriorityCount > 0;
  situations.noteIf(isHigh, "high priority kept a page from being reclaimed");
  return result === ReclaimResult.KEPT ? Status.BAD_STATE : Status.OK;
}

function reclaimForecast(world: World, place: Place, isNeeded: boolean): Forecast {
  const node = world.nodes.get(place.node);
  if (node === undefined) return hiddenForecast(world, place.node);
  if (node.pinsAt(place.page) > 0 || node.priority > 0) return "stays";
  if (node.source === null) return compressionForecast(world, place.node, node);
  // Nobody would supply the page again.
  if (node.source.isOrphan && !node.source.isDetached) return "stays";
  const cell = node.cells.get(place.page);
  return cell?.kind === "page" && cell.dirt === Dirt.CLEAN && !isNeeded ? "goes" : "stays";
}

function compressionForecast(
  { system, residents }: World,
  real: CowNode,
  node: ModelNode,
): Forecast {
  if (node.type === NodeType.CONTIGUOUS || !system.compressor.isArmed) return "stays";
  for (const { object, model } of residents) {
    const isOwner = object.node === real && model.use === "owner";
    if (isOwner && (model.isDiscardable || model.policy !== CACHED)) return "stays";
  }
  return "goes";
}

/** Hidden pages count as important when all, and as unimportant when none, of those who may see them are. */
function hiddenForecast({ system, nodes }: World, hidden: CowNode): Forecast {
  if (!system.compressor.isArmed) return "stays";
  const leaves = [...nodes].filter(([real]) => isBelow(real, hidden)).map(([, node]) => node);
  if (leaves.every((node) => node.priority === 0)) return "goes";
  return "stays";
}

function isBelow(node: CowNode, ancestor: CowNode): boolean {
  for (let at: CowNode | null = node; at !== null; at = at.parent) if (at === ancestor) return true;
  return false;
}

function checkForecast(what: string, forecast: Forecast, isGone: boolean): void {
  const isRight = forecast === "either" || isGone === (forecast === "goes");
  expectThat(
    isRight,
    "P15",
    () => `${what}: the page ${isGone ? "went" : "stayed"}, expected that it ${forecast}`,
  );
}

/** The first half of a compression; others run before `finishCompression`. */
export function beginCompression({ world }: Stage, place: Place): Status {
  const { system } = world;
  system.compressor.arm();
  const forecast = beginForecast(world, place);
  const { lock } = place.node.hierarchy;
  lock.acquire();
  world.compression = beginReal(place.node, place.page);
  lock.release();
  checkForecast("beginCompression", forecast, world.compression !== null);
  return world.compression === null ? Status.BAD_STATE : Status.OK;
}

function beginForecast(world: World, place: Place): Forecast {
  const node = world.nodes.get(place.node);
  if (node === undefined) return hiddenForecast(world, place.node);
  if (node.source !== null || node.pinsAt(place.page) > 0 || node.priority > 0) return "stays";
  return compressionForecast(world, place.node, node);
}

/** Contents stay as they are, whatever comes out. */
export function finishCompression(
  { world, situations }: Stage,
  result: "fits" | "does-not-fit",
): Status {
  const { compression, system } = world;
  if (compression === null) return Status.BAD_STATE;
  if (result === "does-not-fit") system.compressor.failures.failAlways();
  const { lock } = compression.node.hierarchy;
  lock.acquire();
  const outcome = finishReal(compression);
  lock.release();
  system.compressor.failures.failNever();
  world.compression = null;
  situations.noteIf(outcome === CompressionOutcome.LOST, "a page changed while it was compressed");
  return Status.OK;
}

/** Looks whether one page is zero, and does without it if so. */
export function dedup({ world }: Stage, place: Place): Status {
  const isZero = world.onlooker.valueOf(place) === ZERO;
  const forecast = isZero ? dedupForecast(world, place) : "stays";
  const isGone = dedupZeroPage(world.system, slotPage(place.slot));
  checkForecast("dedup", forecast, isGone);
  const node = world.nodes.get(place.node);
  if (isGone) node?.cells.set(place.page, markerCell());
  return isGone ? Status.OK : Status.BAD_STATE;
}

function dedupForecast(world: World, place: Place): Forecast {
  const node = world.nodes.get(place.node);
  if (node === undefined) {
    const leaves = [...world.nodes].filter(([real]) => isBelow(real, place.node));
    return leaves.every(([, { priority }]) => priority === 0) ? "goes" : "stays";
  }
  if (node.pinsAt(place.page) > 0 || node.priority > 0) return "stays";
  if (node.type === NodeType.CONTIGUOUS) return "stays";
  const cell = node.cells.get(place.page);
  const isUnstored = node.source !== null && cell?.kind === "page" && cell.dirt !== Dirt.CLEAN;
  const isCached = [...world.residents].every(
    ({ object, model }) => object.node !== place.node || model.policy === CACHED,
  );
  return isUnstored || !isCached ? "stays" : "goes";
}

/** The scanner decides itself what goes; whatever it takes must be something that may go. */
export function scan(world: World, pages: number, minAge: number): Status {
  scanStep(world.system, { zeroForkPages: pages, reclaimPages: pages, minAge });
  for (const [real, node] of world.nodes) adoptScan(world, real, node);
  return Status.OK;
}

function adoptScan({ onlooker }: World, real: CowNode, node: ModelNode): void {
  for (const [page, cell] of node.cells) {
    const mayGo =
      cell.kind === "page" && !cell.isInherited && cell.pins === 0 && node.priority === 0;
    if (!mayGo) continue;
    const { own } = onlooker.see(real, page);
    const isStored = node.source === null || cell.dirt === Dirt.CLEAN;
    if (own === "marker" && cell.value === ZERO && isStored) node.cells.set(page, markerCell());
    if (own === "nothing" && node.source !== null && isStored) node.cells.delete(page);
  }
}
