import { bytes, extent } from "./mapping-dump.ts";
import { dumpRegion } from "./region-dump.ts";
import type { VmAspace } from "./vm-aspace.ts";

/** Whether a dump goes into what it names. */
export const Detail = { BRIEF: "brief", VERBOSE: "verbose" } as const;
export type Detail = (typeof Detail)[keyof typeof Detail];

const TYPES = { user: 0, kernel: 1, guest: 3 } as const;

/** An aspace in a line, as the kernel prints it; VERBOSE adds everything in it, one level deeper. */
export function dumpAspace(aspace: VmAspace, detail: Detail): string[] {
  const { id, base, pageCount, name, arch, root, isDestroyed } = aspace;
  const header =
    `as ${id} ${extent(base, pageCount)} sz ${bytes(pageCount)} typ ${TYPES[arch.kind]} ` +
    `'${name}' destroyed ${Number(isDestroyed)}`;
  if (detail === Detail.BRIEF || root === null) return [header];
  aspace.lock.acquire();
  try {
    return [header, ...dumpRegion(root, 1)];
  } finally {
    aspace.lock.release();
  }
}
