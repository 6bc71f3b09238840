import { formatAddress, type Vpn } from "@aspace/arch";
import { NodeBackedObject } from "../objects/node-backed-object.ts";
import type { VmObject } from "../objects/vm-object.ts";
import { RunControl } from "./mapping-protection-ranges.ts";
import type { VmMapping } from "./vm-mapping.ts";

/** A mapping, its protections and its object, one line each, as the kernel prints them (M-25). */
export function dumpMapping(mapping: VmMapping, depth: number): string[] {
  const { base, pageCount, liveObject: object, objectOffset } = mapping;
  const lines = [
    `${indent(depth)}map ${mapping.id} ${extent(base, pageCount)} sz ${bytes(pageCount)} ` +
      `state ${mapping.state} mergeable ${mapping.mergeable === "yes"}`,
  ];
  mapping.ranges.enumerate(mapping, base, pageCount, (vpn, run, flags) => {
    lines.push(`${indent(depth + 1)} ${extent(vpn, run)} mmufl ${hex(flags)}`);
    return RunControl.NEXT;
  });
  const { uncompressedBytes, compressedBytes } = object.attributedMemoryInRange(
    objectOffset,
    pageCount,
  );
  lines.push(
    `${indent(depth + 1)}vmo ${identify(object)}/k${object.userId} off ${bytes(objectOffset)} ` +
      `bytes (${uncompressedBytes}/${compressedBytes}) ref ${object.holderCount} '${object.name}'`,
  );
  return lines;
}

/** A number that tells objects apart: device memory has none. */
function identify(object: VmObject): string {
  return object instanceof NodeBackedObject ? String(object.node.id) : "device";
}

/** Two spaces a level. */
export const indent = (depth: number): string => "  ".repeat(depth);

/** First and last byte of a range. */
export function extent(base: Vpn, pageCount: number): string {
  const last = base + pageCount - 1;
  return `[${formatAddress(base)} ${formatAddress(last).slice(0, -3)}fff]`;
}

/** A size in bytes, hexadecimal. */
export const bytes = (pages: number): string => (pages === 0 ? "0x0" : formatAddress(pages));

const hex = (value: number): string => `0x${value.toString(16)}`;
