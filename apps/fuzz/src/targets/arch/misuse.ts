import {
  Enlarge,
  ExistingEntry,
  KernelPanic,
  MmuFlags,
  Status,
  type MmuFlagSet,
} from "@aspace/arch";
import { expectStatus } from "./expect-status.ts";
import { MEMORY_FIRST } from "./frames.ts";
import { Misuse, type Operation } from "./operation.ts";
import type { Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";

const RW: MmuFlagSet = MmuFlags.READ | MmuFlags.WRITE;

const RANGE_MISUSES: ReadonlySet<Misuse> = new Set([
  Misuse.BELOW_BASE,
  Misuse.ACROSS_END,
  Misuse.WRAPPED,
]);

/** A call with one wrong argument: the documented status, no allocation, no invalidation (P-M3). */
export function misuse(
  stage: Stage,
  resident: Resident,
  operation: Extract<Operation, { kind: "misuse" }>,
): Status {
  const { log } = stage.world.machine;
  const allocated = log.tablesAllocated;
  const invalidated = log.invalidations;
  const status = callWrongly(resident, operation.page, operation.misuse);
  const isAboutRange = RANGE_MISUSES.has(operation.misuse);
  const expected = isAboutRange ? Status.OUT_OF_RANGE : Status.INVALID_ARGS;
  const what = `a call with ${operation.misuse}`;
  expectStatus("P-M3", what, expected, status);
  if (log.tablesAllocated !== allocated || log.invalidations !== invalidated) {
    throw new KernelPanic("P-M3", `${what} allocated or invalidated`);
  }
  return status;
}

function callWrongly({ aspace }: Resident, page: number, wrong: Misuse): Status {
  const { baseVpn, pageCount, capabilities } = aspace;
  const vpn = baseVpn + Math.min(page, pageCount - 3);
  const frameLimit = 2 ** (capabilities.physBits - 12);
  const pfns = [MEMORY_FIRST, MEMORY_FIRST + 1, MEMORY_FIRST + 2];
  const { UPGRADE } = ExistingEntry;
  switch (wrong) {
    case Misuse.NO_READ:
      return aspace.map(vpn, pfns, 3, MmuFlags.WRITE, UPGRADE);
    case Misuse.INVALID_FLAG:
      return aspace.map(vpn, pfns, 3, RW | MmuFlags.INVALID, UPGRADE);
    case Misuse.UNKNOWN_FLAG:
      return aspace.mapContiguous(vpn, MEMORY_FIRST, 1, RW | (MmuFlags.INVALID << 1));
    case Misuse.BELOW_BASE:
      return aspace.unmap(baseVpn - 1, 3, Enlarge.YES);
    case Misuse.ACROSS_END:
      return aspace.map(baseVpn + pageCount - 2, pfns, 3, RW, UPGRADE);
    case Misuse.WRAPPED:
      return aspace.protect(vpn, pageCount + 1, RW, Enlarge.YES);
    case Misuse.BAD_FRAME:
      return aspace.mapContiguous(vpn, frameLimit - 1, 2, RW);
    case Misuse.LAST_BAD_FRAME:
      return aspace.map(vpn, [MEMORY_FIRST, MEMORY_FIRST + 1, frameLimit], 3, RW, UPGRADE);
  }
}
