import {
  ALL_ACCESSES,
  type Access,
  type ArchVmAspace,
  type Architecture,
  type Capabilities,
  type FaultCode,
  FaultFlags,
  KernelPanic,
  type Mmu,
  PAGE_SHIFT,
  type QueryResult,
  Status,
  type Vpn,
  type Walk,
  accessName,
  emptyWalk,
  formatAddress,
  formatFlags,
  statusName,
} from "@aspace/arch";
import type { Cpu } from "@aspace/machine";
import { expectedMemoryType, permits, permittedAccesses } from "./effective-permissions.ts";
import type { Leaf, ReferenceAspace } from "./reference.ts";

/**
 * Three ways to ask what a page is mapped to, each compared with the reference:
 *
 * - **Q**, `query`: what the backend says;
 * - **W**, `walk`: what an MMU with cold caches finds in the entries, without touching them;
 * - **C**, `access`: what a CPU does with whatever its caches hold. Sets accessed and dirty bits and
 *   fills caches, as any access does.
 *
 * A difference throws a `KernelPanic` with the rule that the observation broke. Nothing is allocated
 * unless one is found.
 */
export class Observer {
  readonly aspace: ArchVmAspace;
  readonly reference: ReferenceAspace;
  readonly #architecture: FaultReader;
  readonly #capabilities: Capabilities;
  readonly #found: QueryResult = { pfn: 0, flags: 0, leafShift: 0 };
  readonly #walk: Walk = emptyWalk();

  constructor(architecture: FaultReader, aspace: ArchVmAspace, reference: ReferenceAspace) {
    this.aspace = aspace;
    this.reference = reference;
    this.#architecture = architecture;
    this.#capabilities = reference.profile.capabilities;
  }

  /** Q of one page. */
  query(vpn: Vpn): void {
    const found = this.#found;
    const status = this.aspace.query(vpn, found);
    const expected = this.reference.query(vpn);
    if (status !== expected) {
      const rule = QUERY_RULES.get(expected) ?? "P-M1";
      throw differs(rule, vpn, "query", statusName(expected), statusName(status));
    }
    const leaf = this.reference.lookup(vpn);
    if (leaf === null) return;
    const pfn = leaf.pfn + (vpn - leaf.vpn);
    if (found.pfn !== pfn) {
      const rule = leaf.pages > 1 ? "P-Q2" : "P-M1";
      throw differs(rule, vpn, "query's frame", formatAddress(pfn), formatAddress(found.pfn));
    }
    const flags = this.#capabilities.normalizeFlags(leaf.flags);
    if (found.flags !== flags) {
      throw differs("P-M2", vpn, "query's flags", formatFlags(flags), formatFlags(found.flags));
    }
    if (found.leafShift !== shiftOf(leaf)) {
      throw differs("P-B1", vpn, "query's leaf shift", shiftOf(leaf), found.leafShift);
    }
  }

  /** W of one page, for all kinds of access. The MMU must be one that sees the aspace. */
  walk(mmu: Mmu, vpn: Vpn): void {
    for (const access of ALL_ACCESSES) this.walkOnce(mmu, vpn, access);
  }

  /** W of one page, for one kind of access; cheaper, and `allowed` still tells about all kinds. */
  walkOnce(mmu: Mmu, vpn: Vpn, access: Access): void {
    const walk = this.#walk;
    mmu.inspect(vpn, access, walk);
    const leaf = this.reference.lookup(vpn);
    if (leaf === null) this.#checkAbsentWalk(vpn, access);
    else if (!walk.present) this.#checkUnusable(vpn, walkBy(access), walk.fault, leaf);
    else this.#checkPresentWalk(vpn, access, leaf);
  }

  /**
   * C of one page, for all kinds of access. The CPU must be one that sees the aspace. Allowed kinds
   * come first, because a fault may evict what is to be judged, and one comes last, so that the page
   * is cached afterwards.
   */
  accessAll(cpu: Cpu, vpn: Vpn): void {
    const leaf = this.reference.lookup(vpn);
    const allowed = leaf === null ? 0 : permittedAccesses(leaf.flags, this.#capabilities);
    for (const access of ALL_ACCESSES) if (((allowed >> access) & 1) !== 0) this.access(cpu, vpn, access);
    for (const access of ALL_ACCESSES) if (((allowed >> access) & 1) === 0) this.access(cpu, vpn, access);
    const again = ALL_ACCESSES.find((access) => ((allowed >> access) & 1) !== 0);
    if (again !== undefined) this.access(cpu, vpn, again);
  }

  /**
   * C of one page, for one kind of access. An access fault is answered as the kernel does, with
   * `markAccessed`; a spurious fault is retried where a fault evicts what the CPU had cached.
   */
  access(cpu: Cpu, vpn: Vpn, access: Access): void {
    const leaf = this.reference.lookup(vpn);
    const allowed = leaf !== null && permits(leaf.flags, this.#capabilities, access);
    let fault = cpu.access(vpn, access);
    if (fault !== 0 && leaf !== null) fault = this.#retry(cpu, vpn, access, leaf, allowed, fault);
    const who = `CPU ${cpu.id}, ${accessName(access)}`;
    if (fault === 0) {
      if (leaf === null) throw differs("P-U1", vpn, who, "a fault", "a translation");
      if (!allowed) {
        throw differs("P-P3", vpn, who, `a fault (${formatFlags(leaf.flags)})`, "access");
      }
      const pfn = leaf.pfn + (vpn - leaf.vpn);
      const seen = cpu.translation.pfn;
      if (seen !== pfn) throw differs("P-T1", vpn, who, formatAddress(pfn), formatAddress(seen));
      return;
    }
    if (allowed) throw differs("P-P4", vpn, who, "access", this.#architecture.describeFault(fault));
    if (this.#isInRange(vpn)) this.#checkFaultFlags(vpn, who, fault, leaf);
  }

  #retry(
    cpu: Cpu,
    vpn: Vpn,
    access: Access,
    leaf: Readonly<Leaf>,
    allowed: boolean,
    first: FaultCode,
  ): FaultCode {
    let fault = first;
    if ((this.#architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0) {
      this.#checkUnusable(vpn, `CPU ${cpu.id}`, fault, leaf);
      this.aspace.markAccessed(vpn, 1);
      fault = cpu.access(vpn, access);
      if (fault !== 0 && (this.#architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0) {
        const seen = this.#architecture.describeFault(fault);
        throw differs("P-H8", vpn, "retry after markAccessed", "no access fault", seen);
      }
    }
    const mayBeStale = cpu.mmu.faultEvicts || this.#capabilities.cachesInvalid;
    return fault !== 0 && allowed && mayBeStale ? cpu.access(vpn, access) : fault;
  }

  #checkFaultFlags(vpn: Vpn, who: string, fault: FaultCode, leaf: Readonly<Leaf> | null): void {
    const flags = this.#architecture.faultFlags(fault);
    const seen = this.#architecture.describeFault(fault);
    if ((flags & FaultFlags.FATAL) !== 0) {
      throw differs("P-R3", vpn, who, "a fault that mapping can resolve", seen);
    }
    if (!this.#capabilities.faultTellsPresent) return;
    const isAbsent = (flags & FaultFlags.NOT_PRESENT) !== 0;
    if (isAbsent === (leaf === null)) return;
    const expected = leaf === null ? "an absent page" : "a denied access";
    throw differs(leaf === null ? "P-U1" : "P-M1", vpn, who, expected, seen);
  }

  #checkAbsentWalk(vpn: Vpn, access: Access): void {
    const walk = this.#walk;
    if (walk.present || walk.fault === 0) {
      const seen = `frame ${formatAddress(walk.pfn)}`;
      throw differs("P-U1", vpn, "a cold walk", "nothing", seen);
    }
    if (this.#isInRange(vpn)) this.#checkFaultFlags(vpn, walkBy(access), walk.fault, null);
  }

  /** No usable leaf was found where one is mapped: fine only if software just has to mark the page. */
  #checkUnusable(vpn: Vpn, what: string, fault: FaultCode, leaf: Readonly<Leaf>): void {
    const flags = this.#architecture.faultFlags(fault);
    const canBeMarked = this.#capabilities.markAccessedSupported && leaf.pages === 1;
    if ((flags & FaultFlags.ACCESS) !== 0 && canBeMarked) return;
    const rule = (flags & FaultFlags.FATAL) !== 0 ? "P-R3" : "P-M1";
    throw differs(rule, vpn, what, "a usable leaf", this.#architecture.describeFault(fault));
  }

  #checkPresentWalk(vpn: Vpn, access: Access, leaf: Readonly<Leaf>): void {
    const walk = this.#walk;
    const pfn = leaf.pfn + (vpn - leaf.vpn);
    if (walk.pfn !== pfn) {
      throw differs("P-M1", vpn, "the walk's frame", formatAddress(pfn), formatAddress(walk.pfn));
    }
    const allowed = permittedAccesses(leaf.flags, this.#capabilities);
    if (walk.allowed !== allowed) {
      throw differs("P-M2", vpn, "the walk's rights", rights(allowed), rights(walk.allowed));
    }
    const denied = ((allowed >> access) & 1) === 0;
    if (denied !== (walk.fault !== 0)) {
      const seen = walk.fault === 0 ? "access" : this.#architecture.describeFault(walk.fault);
      throw differs("P-M2", vpn, walkBy(access), denied ? "a fault" : "access", seen);
    }
    if (denied) this.#checkFaultFlags(vpn, walkBy(access), walk.fault, leaf);
    const type = expectedMemoryType(leaf.flags, this.#capabilities);
    if (walk.memoryType !== type) {
      throw differs("P-M10", vpn, "the walk's memory type", type, walk.memoryType);
    }
    if (2 ** walk.leafPages !== leaf.pages) {
      throw differs("P-B1", vpn, "the walk's leaf pages", leaf.pages, 2 ** walk.leafPages);
    }
  }

  #isInRange(vpn: Vpn): boolean {
    const { baseVpn, pageCount } = this.reference.profile;
    return vpn >= baseVpn && vpn - baseVpn < pageCount;
  }
}

/** The part of an architecture that tells what a fault code means. */
export type FaultReader = Pick<Architecture, "faultFlags" | "describeFault">;

/** By the expected status: the rule that another one breaks. */
const QUERY_RULES: ReadonlyMap<Status, string> = new Map([
  [Status.NOT_FOUND, "P-U1"],
  [Status.OUT_OF_RANGE, "P-M3"],
]);

function shiftOf(leaf: Readonly<Leaf>): number {
  return Math.log2(leaf.pages) + PAGE_SHIFT;
}

const walkBy = (access: Access): string => `a cold walk for ${accessName(access)}`;

const rights = (mask: number): string => `0b${mask.toString(2).padStart(9, "0")}`;

function differs(
  rule: string,
  vpn: Vpn,
  what: string,
  expected: string | number,
  seen: string | number,
): KernelPanic {
  return new KernelPanic(
    rule,
    `page ${formatAddress(vpn)}: ${what}: expected ${expected}, seen ${seen}`,
  );
}
