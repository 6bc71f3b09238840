import { KernelPanic } from "@aspace/arch";
import {
  MemoryPriority,
  Mergeable,
  validateDeadMapping,
  type Region,
  type VmMapping,
} from "@aspace/vm";
import type { ModelMapping, ModelRegion, ModelVmar } from "./model/model-region.ts";
import type { AspaceResident } from "./resident.ts";
import { slotFrom, type World } from "./world.ts";

/** Compares trees of regions with the model's lists, and learns which mapping is which. */
export function compareTrees(world: World): void {
  for (const aspace of world.aspaces) if (aspace !== null) compareAspace(world, aspace);
  for (const [model, real] of world.realOf) {
    if (model.isAlive) continue;
    expectSame("I-4", "a mapping that ended", real.isAlive, false);
    if (!world.mappings.includes(model)) world.realOf.delete(model);
  }
}

/** Dead mappings stay as they ended. */
export function checkDeadMappings(world: World): void {
  for (const [model, real] of world.realOf) if (!model.isAlive) validateDeadMapping(real);
}

function compareAspace(world: World, { real, model }: AspaceResident): void {
  const work: [ModelVmar, Region][] = [[model.root, real.root!]];
  for (let pair = work.pop(); pair !== undefined; pair = work.pop()) {
    const [expected, seen] = pair;
    compareRegion(world, expected, seen);
    if (seen.kind !== "vmar") throw new KernelPanic("I-3", "a mapping where a region was expected");
    let child = seen.regions.first();
    for (const each of expected.children) {
      if (child === null) throw new KernelPanic("I-3", `nothing is at ${each.base} or behind it`);
      if (each.kind === "vmar") work.push([each, child]);
      else compareMapping(world, each, child);
      child = seen.regions.next(child);
    }
    if (child !== null) throw new KernelPanic("I-3", `nothing was expected at ${child.base}`);
  }
  const vdso = real.vdsoCodeMapping;
  const expected = model.vdso === null ? null : (world.realOf.get(model.vdso) ?? null);
  expectSame("I-27", "the vDSO's mapping", vdso, expected);
}

function compareRegion(world: World, expected: ModelRegion, seen: Region): void {
  const at = `${expected.kind} at ${expected.base}`;
  expectSame("I-3", `kind of the ${at}`, seen.kind, expected.kind);
  expectSame("I-3", `base of the ${at}`, seen.base, expected.base);
  expectSame("I-3", `pages of the ${at}`, seen.pageCount, expected.count);
  expectSame("I-7", `flags of the ${at}`, seen.flags, expected.flags);
  const isHigh = seen.memoryPriority === MemoryPriority.HIGH;
  expectSame("I-29", `priority of the ${at}`, isHigh, expected.isHigh);
  if (expected.kind === "vmar") {
    const resident = world.regions.find((region) => region?.model === expected);
    if (resident !== undefined && resident !== null) {
      expectSame("I-7", `identity of the ${at}`, resident?.real === seen, true);
    }
  }
}

function compareMapping(world: World, expected: ModelMapping, seen: Region): void {
  compareRegion(world, expected, seen);
  const at = `mapping at ${expected.base}`;
  const mapping = seen as VmMapping;
  const known = world.realOf.get(expected);
  if (known === undefined) enterMapping(world, expected, mapping);
  else expectSame("I-7", `identity of the ${at}`, known.id, mapping.id);
  const object = world.residents.get(expected.object)?.real;
  expectSame("I-7", `object of the ${at}`, mapping.object === object, true);
  expectSame("I-10", `page of the object of the ${at}`, mapping.objectOffset, expected.objectPage);
  const isMergeable = mapping.mergeable === Mergeable.YES;
  expectSame("I-32", `mergeability of the ${at}`, isMergeable, expected.isMergeable);
  for (const [page, flags] of expected.protections.entries()) {
    const vpn = expected.base + page;
    expectSame("I-12", `protection of ${vpn}`, mapping.ranges.flagsAt(vpn), flags);
  }
}

/** A mapping that was not there before; the half of one that was cut has no slot yet. */
function enterMapping(world: World, model: ModelMapping, real: VmMapping): void {
  world.realOf.set(model, real);
  const { mappings } = world;
  if (mappings.includes(model)) return;
  const slot = slotFrom(mappings, 0, (old) => old === null || !old.isAlive);
  if (slot >= 0) mappings[slot] = model;
}

function expectSame<T>(rule: string, what: string, seen: T, expected: T): void {
  if (seen === expected) return;
  throw new KernelPanic(rule, `${what} is ${String(seen)}, expected ${String(expected)}`);
}
