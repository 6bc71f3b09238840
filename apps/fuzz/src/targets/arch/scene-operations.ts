import {
  Access,
  Enlarge,
  ExistingEntry,
  MmuFlags,
  NonTerminalAction,
  TerminalAction,
  type AccessedCheck,
  type MmuFlagSet,
  type Pfn,
} from "@aspace/arch";
import { MEMORY_FIRST } from "./frames.ts";
import { FramePattern, Misuse, type Operation } from "./operation.ts";

/** Short names for operations in slot 0 or another, so that a scene reads like a script. */

/** Permissions for the pages of a kind of aspace: user pages need USER to be used from user mode. */
export const R: MmuFlagSet = MmuFlags.READ;
export const RW: MmuFlagSet = MmuFlags.READ | MmuFlags.WRITE;
export const UR: MmuFlagSet = MmuFlags.READ | MmuFlags.USER;
export const URW: MmuFlagSet = MmuFlags.READ | MmuFlags.WRITE | MmuFlags.USER;
export const URWX: MmuFlagSet = URW | MmuFlags.EXECUTE;

const { ERROR } = ExistingEntry;
const { CONSECUTIVE } = FramePattern;

interface MapChoices {
  readonly aspace?: number;
  readonly action?: ExistingEntry;
  readonly pattern?: FramePattern;
  /** First frame, counted from the block of ordinary memory. */
  readonly frame?: number;
}

export function map(
  page: number,
  count: number,
  flags: MmuFlagSet,
  choices: MapChoices = {},
): Operation {
  const { aspace = 0, action = ERROR, pattern = CONSECUTIVE, frame = 0 } = choices;
  return { kind: "map", aspace, page, count, pfn: MEMORY_FIRST + frame, pattern, flags, action };
}

export function mapContiguous(
  page: number,
  count: number,
  flags: MmuFlagSet,
  pfn: Pfn = MEMORY_FIRST,
  aspace = 0,
): Operation {
  return { kind: "mapContiguous", aspace, page, count, pfn, flags };
}

export const unmap = (
  page: number,
  count: number,
  enlarge: Enlarge = Enlarge.YES,
  aspace = 0,
): Operation => ({ kind: "unmap", aspace, page, count, enlarge });

export const protect = (
  page: number,
  count: number,
  permissions: MmuFlagSet,
  enlarge: Enlarge = Enlarge.YES,
  aspace = 0,
): Operation => ({ kind: "protect", aspace, page, count, permissions, enlarge });

export const access = (cpu: number, page: number, kind: Access, aspace = 0): Operation => ({
  kind: "access",
  cpu,
  aspace,
  page,
  access: kind,
});

export const read = (cpu: number, page: number, aspace = 0): Operation =>
  access(cpu, page, Access.COPY_READ, aspace);

export const write = (cpu: number, page: number, aspace = 0): Operation =>
  access(cpu, page, Access.COPY_WRITE, aspace);

/** The CPU touches the page whenever the operation after this gives others a turn. */
export const meanwhile = (cpu: number, page: number, kind: Access, aspace = 0): Operation => ({
  kind: "interlude",
  cpu,
  aspace,
  page,
  access: kind,
});

export const prefetch = (cpu: number, page: number, aspace = 0): Operation => ({
  kind: "prefetch",
  cpu,
  aspace,
  page,
});

export const go = (cpu: number, aspace: number): Operation => ({ kind: "switch", cpu, aspace });

const harvest = (
  page: number,
  count: number,
  nonTerminal: NonTerminalAction,
  terminal: TerminalAction,
): Operation => ({ kind: "harvest", aspace: 0, page, count, nonTerminal, terminal });

/** Reports which pages were used, and lets them look unused from then on, or not. */
export const age = (page: number, count: number): Operation =>
  harvest(page, count, NonTerminalAction.RETAIN, TerminalAction.UPDATE_AGE_AND_HARVEST);
export const look = (page: number, count: number): Operation =>
  harvest(page, count, NonTerminalAction.RETAIN, TerminalAction.UPDATE_AGE);
/** Reports, and drops the tables that nobody used. */
export const reclaim = (page: number, count: number): Operation =>
  harvest(page, count, NonTerminalAction.FREE_UNACCESSED, TerminalAction.UPDATE_AGE_AND_HARVEST);

export const markAccessed = (page: number, count: number): Operation => ({
  kind: "markAccessed",
  aspace: 0,
  page,
  count,
});

/** The n-th allocation from here fails; 0 means all of the next operation. */
export const failAllocation = (nth: number): Operation => ({ kind: "failAllocation", nth });

export const recreate = (aspace: number): Operation => ({ kind: "recreate", aspace });

export const checkActive = (check: AccessedCheck, aspace = 0): Operation => ({
  kind: "accessedSinceLastCheck",
  aspace,
  check,
});

/** Every call with a wrong argument. */
export const everyMisuse = (page: number, aspace = 0): Operation[] =>
  Object.values(Misuse).map((misuse) => ({ kind: "misuse", aspace, page, count: 1, misuse }));
