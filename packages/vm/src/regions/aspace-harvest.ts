import { AccessedCheck, NonTerminalAction, TerminalAction } from "@aspace/arch";
import { assertOk } from "./mapping-object-changes.ts";
import type { RegionSystem } from "./region-system.ts";
import type { VmAspace } from "./vm-aspace.ts";

/** Harvests in a row without activity that free page tables, before an aspace is left alone. */
const IDLE_HARVESTS = 2;

/**
 * Reports accessed pages of every user aspace to the page queues, and lets unused page tables go.
 * An aspace that nobody ran since costs two such harvests, then none.
 */
export function harvestAllUserAccessedBits(
  system: RegionSystem,
  nonTerminal: NonTerminalAction,
  terminal: TerminalAction,
): void {
  system.listLock.acquire();
  try {
    for (const aspace of system.aspaces) {
      if (aspace.isUser && !aspace.isDestroyed) harvest(aspace, nonTerminal, terminal);
    }
  } finally {
    system.listLock.release();
  }
}

function harvest(aspace: VmAspace, nonTerminal: NonTerminalAction, terminal: TerminalAction): void {
  const { counters } = aspace.system;
  const isHigh = aspace.highPriorityCount > 0;
  const tables = isHigh ? NonTerminalAction.RETAIN : nonTerminal;
  const pages = isHigh ? TerminalAction.UPDATE_AGE : terminal;
  if (!isDue(aspace, tables, pages)) {
    counters.harvestsSkipped++;
    return;
  }
  counters.harvestsPerformed++;
  assertOk("A-6", aspace.arch.harvestAccessed(aspace.base, aspace.pageCount, tables, pages));
}

function isDue(aspace: VmAspace, tables: NonTerminalAction, pages: TerminalAction): boolean {
  const clears = pages === TerminalAction.UPDATE_AGE_AND_HARVEST;
  const check = clears ? AccessedCheck.CLEAR : AccessedCheck.PEEK;
  const freesTables = tables === NonTerminalAction.FREE_UNACCESSED;
  if (aspace.arch.accessedSinceLastCheck(check)) {
    aspace.idleTableHarvests = freesTables ? 1 : 0;
    return true;
  }
  if (!freesTables || aspace.idleTableHarvests >= IDLE_HARVESTS) return false;
  aspace.idleTableHarvests++;
  return true;
}
