/** What tests do with objects through their public face: bytes in, bytes out. */
import { expectOk } from "./object-situation.ts";
import { run } from "./small-system.ts";
import type { VmObjectPaged } from "../src/objects/vm-object-paged.ts";

const PAGE_BYTES = 4096n;

/** The first byte of each page. Nothing may have to be waited for. */
export function show(object: VmObjectPaged): number[] {
  return Array.from({ length: object.sizePages }, (_, page) => byteAt(object, page));
}

/** The first byte of a page. */
export function byteAt(object: VmObjectPaged, page: number): number {
  const into = new Uint8Array(1);
  expectOk(run(object.read(BigInt(page) * PAGE_BYTES, into)).status);
  return into[0]!;
}

/** Writes the first byte of a page. */
export function put(object: VmObjectPaged, page: number, value: number): void {
  expectOk(run(object.write(BigInt(page) * PAGE_BYTES, Uint8Array.of(value))).status);
}
