import { NonTerminalAction, Status, TerminalAction } from "@aspace/arch";
import { CpuMode } from "@aspace/machine";
import type { Loaded } from "@aspace/kernel";
import {
  PageFaultFlag,
  complete,
  dropUserPageTables,
  harvestAllUserAccessedBits,
  pageFault,
  softFault,
  type Blocking,
} from "@aspace/vm";
import { access as modelAccess, fault as modelFault, type Accessed } from "./model/access.ts";
import { endOf } from "./model/model-region.ts";
import { finished } from "./model/steps.ts";
import { mappingNear, partOf } from "./near.ts";
import { WINDOW, type AccessKind, type Operation } from "./operation.ts";
import { expectAnswer, expectThat, sameStatus, type Stage } from "./outcome.ts";
import type { AspaceResident } from "./resident.ts";
import { begin, statusOf } from "./threads.ts";

type Of<K extends Operation["kind"]> = Extract<Operation, { readonly kind: K }>;

const MODES = { user: CpuMode.USER, kernel: CpuMode.KERNEL, copy: CpuMode.COPY } as const;

/** The aspace where a CPU is. */
export function placeOf({ world }: Stage, cpu: number): AspaceResident | null {
  const place = world.kernel.placeOf(cpu);
  return world.aspaces.find((aspace) => aspace !== null && aspace.real === place) ?? null;
}

/** A page of an aspace. */
export interface PageSpot {
  readonly aspace: AspaceResident;
  readonly vpn: number;
}

/** The page that an operation means: near a mapping wherever that is, or in the window of an aspace. */
export function spotOf(
  { world }: Stage,
  { near, page }: { readonly near: number; readonly page: number },
  place: AspaceResident | null,
): PageSpot | null {
  const mapping = mappingNear(world, near);
  if (mapping === null && near !== WINDOW) return null;
  if (mapping === null) return place === null ? null : { aspace: place, vpn: place.window + page };
  const aspace = world.aspaces.find((each) => each?.model === mapping.aspace) ?? null;
  return aspace === null
    ? null
    : { aspace, vpn: mapping.base + partOf(mapping.count, { page, count: 1 }).page };
}

/** A CPU stores the number of the operation, or reads what is there. */
export function access(stage: Stage, operation: Of<"access">): Status | null {
  const { world, serial, outcome } = stage;
  const { cpu, mode } = operation;
  const spot = spotOf(stage, operation, placeOf(stage, cpu));
  if (spot === null) return null;
  const { aspace, vpn } = spot;
  outcome.aspace = aspace.slot;
  const { kernel } = world;
  if (placeOf(stage, cpu) !== aspace) kernel.contextSwitch(cpu, aspace.real);
  const run = (): Blocking<Status | Loaded> => {
    if (operation.access === "store") return kernel.store(cpu, MODES[mode], vpn, 0, serial);
    if (operation.access === "load") return kernel.load(cpu, MODES[mode], vpn, 0);
    return kernel.fetch(cpu, MODES[mode], vpn, 0);
  };
  const request = { aspace: aspace.model, vpn, mode, access: operation.access, value: serial };
  return begin(stage, {
    what: operation.access,
    real: run(),
    model: modelAccess(request),
    object: null,
    fault: { aspace, cpu },
    settle: (real: Status | Loaded, expected: Accessed) => {
      const status = statusOf(real);
      expectAnswer(operation.access, expected.status, status);
      if (typeof real !== "number") {
        const isSame = real.value === expected.value;
        expectThat(isSame, "I-18", () => `read ${real.value}, expected ${expected.value}`);
      }
      return status;
    },
  });
}

const FAULT_FLAGS: Readonly<Record<AccessKind, number>> = {
  load: 0,
  store: PageFaultFlag.WRITE,
  fetch: PageFaultFlag.INSTRUCTION,
};

/** The kernel asks for a page as if a CPU had faulted. */
export function fault(
  stage: Stage,
  { aspace, vpn }: PageSpot,
  { access: kind }: Of<"softFault">,
): Status {
  const { serial, outcome } = stage;
  outcome.aspace = aspace.slot;
  const isInside = vpn >= aspace.model.base && vpn < aspace.model.base + aspace.model.count;
  const request = { aspace: aspace.model, vpn, mode: "user", access: kind, value: serial } as const;
  return begin(stage, {
    what: "softFault",
    real: softFault(aspace.real, vpn, FAULT_FLAGS[kind] | PageFaultFlag.USER),
    model: isInside ? modelFault(request) : finished(Status.NOT_FOUND),
    object: null,
    fault: { aspace, cpu: 0 },
    settle: sameStatus("softFault"),
  });
}

/** A page is said to need its accessed flag, wherever it is: in a mapping, or around the end of the aspace. */
export function accessedFault(
  { world, outcome }: Stage,
  { aspace, vpn: wanted }: PageSpot,
  { near, page }: Of<"accessedFault">,
): Status {
  const vpn = near === WINDOW ? endOf(aspace.model) - 1 + (page % 3) : wanted;
  const { base, count, kind } = aspace.model;
  const { capabilities } = world.architecture.aspaces[kind];
  const works = capabilities.markAccessedSupported ? Status.OK : Status.NOT_SUPPORTED;
  const isInside = vpn >= base && vpn < base + count;
  const flags = PageFaultFlag.ACCESS | PageFaultFlag.HW_FAULT;
  const seen = complete(pageFault(aspace.real, vpn, flags), () => {});
  outcome.gated = true;
  expectAnswer("accessedFault", isInside ? works : Status.OUT_OF_RANGE, seen);
  return seen;
}

export function harvest({ world }: Stage, { tables, pages }: Of<"harvest">): Status {
  harvestAllUserAccessedBits(
    world.kernel.regions,
    tables === "retain" ? NonTerminalAction.RETAIN : NonTerminalAction.FREE_UNACCESSED,
    pages === "age" ? TerminalAction.UPDATE_AGE : TerminalAction.UPDATE_AGE_AND_HARVEST,
  );
  return Status.OK;
}

export function dropTables(aspace: AspaceResident): Status | null {
  if (aspace.model.kind !== "user") return null;
  dropUserPageTables(aspace.real);
  return Status.OK;
}
