import { AspaceKind, Enlarge, KernelPanic, Status, statusName } from "@aspace/arch";
import { expectStatus } from "./expect-status.ts";
import type { AspaceSlot } from "./operation.ts";
import type { Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";

/** Empties an aspace, destroys it, and makes another one in its slot. The kernel's is only emptied. */
export function recreate(stage: Stage, slot: AspaceSlot, kind: AspaceKind): void {
  const { world, outcome } = stage;
  const resident = world.residents[slot] ?? null;
  if (resident !== null) {
    empty(resident);
    if (kind === AspaceKind.KERNEL) {
      outcome.status = Status.OK;
      return;
    }
    world.destroy(resident);
  }
  remake(stage, slot, kind);
}

function remake({ world, outcome, situations }: Stage, slot: AspaceSlot, kind: AspaceKind): void {
  const before = world.refusals;
  const status = world.create(slot, kind);
  outcome.status = status;
  outcome.gated = true;
  if (status === Status.OK) {
    situations.note("an aspace was destroyed and made again");
    return;
  }
  situations.note("an init ran out of memory");
  if (status !== Status.NO_MEMORY || world.refusals === before) {
    throw new KernelPanic("P-L6", `init answered ${statusName(status)}`);
  }
}

/** Unmaps everything in an aspace; only root and prebuilt tables may be left (P-U3, P-U5). */
export function empty(resident: Resident): void {
  const { aspace, reference } = resident;
  const { baseVpn, pageCount, capabilities } = aspace;
  const least = 1 + capabilities.prebuiltTables;
  if (reference.size > 0) {
    const status = aspace.unmap(baseVpn, pageCount, Enlarge.YES);
    reference.unmap(baseVpn, pageCount, Enlarge.YES, null);
    expectStatus("P-U3", "unmap of everything", Status.OK, status);
  }
  const left = aspace.tablePages();
  if (left !== least) throw new KernelPanic("P-U5", `${left} tables are left in an empty aspace`);
  resident.forgetAllTouches();
}
