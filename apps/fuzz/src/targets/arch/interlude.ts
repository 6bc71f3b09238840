import {
  Enlarge,
  FaultFlags,
  KernelPanic,
  formatAddress,
  type Access,
  type Vpn,
} from "@aspace/arch";
import { permits } from "@aspace/arch-conformance";
import type { Operation } from "./operation.ts";
import type { Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";

/** Lets a CPU touch a page whenever the coming operation gives other CPUs a turn. */
export function armInterlude(
  { world, situations }: Stage,
  interlude: Extract<Operation, { kind: "interlude" }>,
  next: Operation,
): void {
  const resident = world.residents[interlude.aspace] ?? null;
  if (resident === null) return;
  world.reach(interlude.cpu, resident);
  const cpu = world.machine.cpus[interlude.cpu]!;
  const vpn = resident.vpnOf(interlude.page);
  const isBystander = mustStayUsable(resident, vpn, interlude.access, next);
  if (isBystander && resident.reference.lookup(vpn)!.pages > 1) {
    situations.note("a neighbour of a splitting leaf was touched");
  }
  world.machine.bus.interlude = () => {
    situations.note("another CPU ran in the middle of an edit");
    const fault = cpu.access(vpn, interlude.access);
    if (fault === 0 || !isBystander) return;
    if ((world.architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0) return;
    throw new KernelPanic(
      "P-B6",
      `CPU ${cpu.id} lost ${formatAddress(vpn)}, outside the range of the running ${next.kind}: ` +
        world.architecture.describeFault(fault),
    );
  };
}

/**
 * Whether a page must stay usable while `next` runs: mapped, allowed, outside the range, and the
 * operation has no leave to enlarge itself.
 */
function mustStayUsable(resident: Resident, vpn: Vpn, access: Access, next: Operation): boolean {
  const { capabilities } = resident.aspace;
  const leaf = resident.reference.lookup(vpn);
  if (leaf === null || !permits(leaf.flags, capabilities, access)) return false;
  if (next.kind !== "unmap" && next.kind !== "protect") return false;
  if (next.aspace !== resident.slot || next.enlarge !== Enlarge.NO) return false;
  if (capabilities.protectIsUnmap) return false;
  const from = resident.vpnOf(next.page);
  return vpn < from || vpn >= from + next.count;
}
