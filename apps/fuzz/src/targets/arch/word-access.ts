import {
  Access,
  FaultFlags,
  KernelPanic,
  Status,
  emptyWalk,
  formatAddress,
  isFetchAccess,
  isWriteAccess,
  type Pfn,
  type Vpn,
  type Walk,
} from "@aspace/arch";
import { permits } from "@aspace/arch-conformance";
import type { Cpu, CpuMode } from "@aspace/machine";
import { MEMORY_FIRST, isMemory } from "./frames.ts";
import type { Operation } from "./operation.ts";
import type { Stage } from "./outcome.ts";
import type { Resident } from "./resident.ts";

/** Offset in a page of the word that stores write and loads read. */
const WORD_OFFSET = 16;

/** One load, store or fetch, with the kernel's answer to access faults. */
export function accessWord(
  stage: Stage,
  resident: Resident,
  operation: Extract<Operation, { kind: "access" }>,
  serial: number,
): void {
  const { world, outcome, situations } = stage;
  const vpn = resident.vpnOf(operation.page);
  const cpu = world.machine.cpus[operation.cpu]!;
  world.reach(operation.cpu, resident);
  const leaf = resident.reference.lookup(vpn);
  const wasUnmarked = isUnmarked(stage, resident, vpn);
  resident.observer.access(cpu, vpn, operation.access);
  if (wasUnmarked && !isUnmarked(stage, resident, vpn)) {
    situations.note("an access fault was resolved by markAccessed");
  }
  outcome.slot = resident.slot;
  outcome.vpn = vpn;
  outcome.count = 1;
  outcome.status = Status.NOT_FOUND;
  if (leaf === null) return;
  if (!permits(leaf.flags, resident.aspace.capabilities, operation.access)) {
    situations.note("an access was denied");
    return;
  }
  outcome.status = Status.OK;
  const pfn = leaf.pfn + (vpn - leaf.vpn);
  if (isWriteAccess(operation.access)) storeWord(stage, cpu, operation.access, vpn, pfn, serial);
  else readWord(stage, cpu, operation.access, vpn, pfn);
  resident.noteTouch(vpn, leaf);
}

// Reused by every look.
const walk: Walk = emptyWalk();

/** Whether a page is mapped, but its access flag faults: only software can set it. */
function isUnmarked({ world }: Stage, resident: Resident, vpn: Vpn): boolean {
  if (!resident.aspace.capabilities.markAccessedSupported) return false;
  world.watch(resident).inspect(vpn, Access.COPY_READ, walk);
  return (world.architecture.faultFlags(walk.fault) & FaultFlags.ACCESS) !== 0;
}

/** 0, 3 or 6: an access kind is its mode plus 0, 1 or 2. */
const modeOf = (access: Access): CpuMode => (access - (access % 3)) as CpuMode;

/** A store names its writer (F-9): which operation, and through which page. */
function storeWord(
  { world, situations }: Stage,
  cpu: Cpu,
  access: Access,
  vpn: Vpn,
  pfn: Pfn,
  serial: number,
): void {
  const value = (serial << 16) | (vpn & 0xffff);
  const fault = cpu.store(modeOf(access), vpn, WORD_OFFSET, value);
  if (fault !== 0) throw new KernelPanic("P-T1", "a store faulted right after its translation");
  if (!isMemory(pfn)) return;
  const place = pfn - MEMORY_FIRST;
  if (world.contents[place] !== 0) situations.note("a frame was written twice");
  world.contents[place] = value;
}

/** A read sees the last store to the frame, whichever page and CPU that went through (P-M8). */
function readWord({ world }: Stage, cpu: Cpu, access: Access, vpn: Vpn, pfn: Pfn): void {
  const mode = modeOf(access);
  const fault = isFetchAccess(access)
    ? cpu.fetch(mode, vpn, WORD_OFFSET)
    : cpu.load(mode, vpn, WORD_OFFSET);
  if (fault !== 0) throw new KernelPanic("P-T1", "a load faulted right after its translation");
  const expected = isMemory(pfn) ? world.contents[pfn - MEMORY_FIRST]! : 0;
  if (cpu.value === expected) return;
  const seen = formatAddress(cpu.value >>> 0);
  throw new KernelPanic(
    "P-M8",
    `${formatAddress(vpn)} reads ${seen}, last store was ${formatAddress(expected >>> 0)}`,
  );
}
