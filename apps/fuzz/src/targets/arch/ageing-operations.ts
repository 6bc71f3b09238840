import {
  AccessedCheck,
  AspaceKind,
  KernelPanic,
  NonTerminalAction,
  Status,
  TerminalAction,
} from "@aspace/arch";
import { expectStatus } from "./expect-status.ts";
import { beginHarvest, checkHarvest } from "./harvest-oracle.ts";
import type { Operation } from "./operation.ts";
import type { Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";

/** The operations about accessed bits. */

export function harvest(
  stage: Stage,
  resident: Resident,
  operation: Extract<Operation, { kind: "harvest" }>,
): Status {
  const { aspace, reference } = resident;
  const { situations, outcome, world } = stage;
  const { count, nonTerminal, terminal } = operation;
  const frees = nonTerminal === NonTerminalAction.FREE_UNACCESSED;
  const vpn = resident.vpnOf(operation.page);
  const expectation = beginHarvest(world, resident, vpn, count);
  const status = aspace.harvestAccessed(vpn, count, nonTerminal, terminal);
  const leavesBefore = reference.size;
  const expected = reference.harvestAccessed(vpn, count, nonTerminal, (page) =>
    resident.isMapped(page),
  );
  expectStatus("P-H1", "harvestAccessed", expected, status);
  outcome.gated ||= frees;
  if (status !== Status.OK) return status;
  checkHarvest(world, resident, expectation, situations);
  if (frees) {
    resident.diverged = true;
    resident.freePasses++;
    if (reference.size < leavesBefore) situations.note("FreeUnaccessed dropped mappings");
    resident.forgetAllTouches();
  } else if (terminal === TerminalAction.UPDATE_AGE_AND_HARVEST) {
    resident.forgetPages(vpn, count);
  }
  return status;
}

export function markAccessed(
  stage: Stage,
  resident: Resident,
  operation: Extract<Operation, { kind: "markAccessed" }>,
): Status {
  const vpn = resident.vpnOf(operation.page);
  const status = resident.aspace.markAccessed(vpn, operation.count);
  const expected = resident.reference.markAccessed(vpn, operation.count);
  stage.outcome.gated = true;
  expectStatus("P-H8", "markAccessed", expected, status);
  return status;
}

/** Where a CPU was since the last check that cleared, the answer must be yes (P-H6). */
export function checkActive(stage: Stage, resident: Resident, check: AccessedCheck): void {
  const seen = resident.aspace.accessedSinceLastCheck(check);
  if (resident.kind !== AspaceKind.KERNEL && resident.entered && !seen) {
    throw new KernelPanic("P-H6", "an aspace that a CPU was in counts as not accessed");
  }
  if (check === AccessedCheck.CLEAR) {
    resident.entered = stage.world.placeOf.includes(resident.slot);
  }
  stage.outcome.status = Status.OK;
}
