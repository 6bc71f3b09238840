import type { Vpn } from "@aspace/arch";
import { endOf } from "./extent.ts";
import { bytes, dumpMapping, extent, indent } from "./mapping-dump.ts";
import { everythingIn } from "./region-enumerator.ts";
import type { VmAddressRegion } from "./vm-address-region.ts";

/** A region and everything in it, a line or more each, children one level deeper (V-17). */
export function dumpRegion(region: VmAddressRegion, depth: number): string[] {
  const lines = [describe(region, depth)];
  const descendants = everythingIn(region);
  for (let child = descendants.next(); child !== null; child = descendants.next()) {
    const level = depth + descendants.depth;
    if (child.kind === "mapping") lines.push(...dumpMapping(child, level));
    else lines.push(describe(child, level));
  }
  return lines;
}

function describe(region: VmAddressRegion, depth: number): string {
  const { id, base, pageCount, state, name, regions } = region;
  const last = regions.last();
  const covered = last === null ? "[0x0 0x0]" : extentOf(regions.first()!.base, endOf(last));
  return (
    `${indent(depth)}vmar ${id} ${extent(base, pageCount)} sz ${bytes(pageCount)} state ${state} '${name}' ` +
    `subregions ${regions.count} max_gap ${bytes(regions.maxGap)} ${covered}`
  );
}

function extentOf(base: Vpn, end: Vpn): string {
  return extent(base, end - base);
}
