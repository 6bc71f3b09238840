import {
  ALL_ACCESSES,
  type Access,
  type AccessMask,
  type ArchVmAspace,
  type Architecture,
  type Capabilities,
  type FaultCode,
  FaultFlags,
  KernelPanic,
  MMU_FLAG_WORDS,
  type Mmu,
  NO_FAULT,
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
import { expectedMemoryType, permittedAccesses } from "./effective-permissions.ts";
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
  /** Permitted accesses and memory type by flags, so that the table of rights is read once a word. */
  readonly #rights: Int16Array = new Int16Array(MMU_FLAG_WORDS);
  readonly #types: Int16Array = new Int16Array(MMU_FLAG_WORDS);

  constructor(architecture: FaultReader, aspace: ArchVmAspace, reference: ReferenceAspace) {
    this.aspace = aspace;
    this.reference = reference;
    this.#architecture = architecture;
    this.#capabilities = reference.profile.capabilities;
    for (let flags = 0; flags < MMU_FLAG_WORDS; flags++) {
      this.#rights[flags] = permittedAccesses(flags, this.#capabilities);
      this.#types[flags] = expectedMemoryType(flags, this.#capabilities);
    }
  }

  /** Q of one page. */
  query(vpn: Vpn): void {
    const found = this.#found;
    const status = this.aspace.query(vpn, found);
    const leaf = this.reference.lookup(vpn);
    const expected = leaf === null ? this.reference.query(vpn) : Status.OK;
    if (status !== expected) {
      const rule = QUERY_RULES.get(expected) ?? "P-M1";
      throw differs(rule, vpn, "query", statusName(expected), statusName(status));
    }
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
    if (2 ** (found.leafShift - PAGE_SHIFT) !== leaf.pages) {
      const expectedShift = Math.log2(leaf.pages) + PAGE_SHIFT;
      throw differs("P-B1", vpn, "query's leaf shift", expectedShift, found.leafShift);
    }
  }

  /** W of one page, for all kinds of access. The MMU must be one that sees the aspace. */
  walk(mmu: Mmu, vpn: Vpn): void {
    const leaf = this.reference.lookup(vpn);
    for (const access of ALL_ACCESSES) this.#walkOnce(mmu, vpn, access, leaf);
  }

  /** W of one page, for one kind of access; cheaper, and the walk's rights still cover all kinds. */
  walkOnce(mmu: Mmu, vpn: Vpn, access: Access): void {
    this.#walkOnce(mmu, vpn, access, this.reference.lookup(vpn));
  }

  #walkOnce(mmu: Mmu, vpn: Vpn, access: Access, leaf: Readonly<Leaf> | null): void {
    const walk = this.#walk;
    mmu.inspect(vpn, access, walk);
    if (leaf === null) this.#checkAbsentWalk(vpn, access);
    else if (!walk.present) this.#checkUnusable(vpn, access, null, walk.fault, leaf);
    else this.#checkPresentWalk(vpn, access, leaf);
  }

  /**
   * C of one page, for all kinds of access. The CPU must be one that sees the aspace. Allowed kinds
   * come first, because a fault may evict what is to be judged, and one comes last, so that the page
   * is cached afterwards.
   */
  accessAll(cpu: Cpu, vpn: Vpn): void {
    const allowed = this.#allowedAt(vpn);
    for (const access of ALL_ACCESSES) if (has(allowed, access)) this.access(cpu, vpn, access);
    for (const access of ALL_ACCESSES) if (!has(allowed, access)) this.access(cpu, vpn, access);
    const again = 31 - Math.clz32(allowed);
    if (again >= 0) this.access(cpu, vpn, again as Access);
  }

  /**
   * C of one page, for one kind of access. An access fault is answered as the kernel does, with
   * `markAccessed`; a spurious fault is retried where a fault evicts what the CPU had cached.
   */
  access(cpu: Cpu, vpn: Vpn, access: Access): void {
    const leaf = this.reference.lookup(vpn);
    const isAllowed = leaf !== null && has(this.#rights[leaf.flags]!, access);
    let fault = cpu.access(vpn, access);
    if (fault !== NO_FAULT && leaf !== null)
      fault = this.#answerAccessFault(cpu, vpn, access, fault);
    if (fault !== NO_FAULT && isAllowed && this.#mayBeSpurious(cpu))
      fault = cpu.access(vpn, access);
    if (fault === NO_FAULT) this.#checkTranslation(cpu, vpn, access, leaf);
    else if (isAllowed) {
      throw differs(
        "P-P4",
        vpn,
        by(cpu, access),
        "access",
        this.#architecture.describeFault(fault),
      );
    } else if (this.#isInRange(vpn)) this.#checkFaultFlags(vpn, access, cpu, fault, leaf);
  }

  /** After an access that went through. */
  #checkTranslation(cpu: Cpu, vpn: Vpn, access: Access, leaf: Readonly<Leaf> | null): void {
    if (leaf === null) throw differs("P-U1", vpn, by(cpu, access), "a fault", "access");
    if (!has(this.#rights[leaf.flags]!, access)) {
      const expected = `a fault (${formatFlags(leaf.flags)})`;
      throw differs("P-P3", vpn, by(cpu, access), expected, "access");
    }
    const pfn = leaf.pfn + (vpn - leaf.vpn);
    const seen = cpu.translation.pfn;
    if (seen !== pfn) {
      throw differs("P-T1", vpn, by(cpu, access), formatAddress(pfn), formatAddress(seen));
    }
  }

  /** If the fault is an access fault, marks the page and answers what the retry ran into. */
  #answerAccessFault(cpu: Cpu, vpn: Vpn, access: Access, fault: FaultCode): FaultCode {
    if (!this.#isAccessFault(fault)) return fault;
    this.#checkUnusable(vpn, access, cpu, fault, this.reference.lookup(vpn)!);
    this.aspace.markAccessed(vpn, 1);
    const second = cpu.access(vpn, access);
    if (second === NO_FAULT || !this.#isAccessFault(second)) return second;
    const seen = this.#architecture.describeFault(second);
    throw differs("P-H8", vpn, "retry after markAccessed", "no access fault", seen);
  }

  #isAccessFault(fault: FaultCode): boolean {
    return (this.#architecture.faultFlags(fault) & FaultFlags.ACCESS) !== 0;
  }

  #mayBeSpurious(cpu: Cpu): boolean {
    return cpu.mmu.faultEvicts || this.#capabilities.cachesInvalid;
  }

  /** A fault that should be: does the handler hear the right thing? */
  #checkFaultFlags(
    vpn: Vpn,
    access: Access,
    cpu: Cpu | null,
    fault: FaultCode,
    leaf: Readonly<Leaf> | null,
  ): void {
    const flags = this.#architecture.faultFlags(fault);
    const isMapped = leaf !== null;
    if ((flags & FaultFlags.FATAL) !== 0) {
      const seen = this.#architecture.describeFault(fault);
      throw differs("P-R3", vpn, by(cpu, access), "a fault that mapping can resolve", seen);
    }
    if (!this.#capabilities.faultTellsPresent) return;
    if (((flags & FaultFlags.NOT_PRESENT) === 0) === isMapped) return;
    const rule = isMapped ? "P-M1" : "P-U1";
    const expected = isMapped ? "a denied access" : "an absent page";
    throw differs(rule, vpn, by(cpu, access), expected, this.#architecture.describeFault(fault));
  }

  #checkAbsentWalk(vpn: Vpn, access: Access): void {
    const walk = this.#walk;
    if (walk.present || walk.fault === NO_FAULT) {
      throw differs("P-U1", vpn, by(null, access), "nothing", `frame ${formatAddress(walk.pfn)}`);
    }
    if (this.#isInRange(vpn)) this.#checkFaultFlags(vpn, access, null, walk.fault, null);
  }

  /** No usable leaf was found where one is mapped: fine only if software just has to mark the page. */
  #checkUnusable(
    vpn: Vpn,
    access: Access,
    cpu: Cpu | null,
    fault: FaultCode,
    leaf: Readonly<Leaf>,
  ): void {
    const canBeMarked = this.#capabilities.markAccessedSupported && leaf.pages === 1;
    if (canBeMarked && this.#isAccessFault(fault)) return;
    const isFatal = (this.#architecture.faultFlags(fault) & FaultFlags.FATAL) !== 0;
    const seen = this.#architecture.describeFault(fault);
    throw differs(isFatal ? "P-R3" : "P-M1", vpn, by(cpu, access), "a usable leaf", seen);
  }

  #checkPresentWalk(vpn: Vpn, access: Access, leaf: Readonly<Leaf>): void {
    const walk = this.#walk;
    const pfn = leaf.pfn + (vpn - leaf.vpn);
    if (walk.pfn !== pfn) {
      throw differs("P-M1", vpn, "the walk's frame", formatAddress(pfn), formatAddress(walk.pfn));
    }
    const allowed = this.#rights[leaf.flags]!;
    if (walk.allowed !== allowed) {
      throw differs("P-M2", vpn, "the walk's rights", rights(allowed), rights(walk.allowed));
    }
    const isAllowed = has(allowed, access);
    if (isAllowed !== (walk.fault === NO_FAULT)) {
      const seen = isAllowed ? this.#architecture.describeFault(walk.fault) : "access";
      throw differs("P-M2", vpn, by(null, access), isAllowed ? "access" : "a fault", seen);
    }
    if (!isAllowed) this.#checkFaultFlags(vpn, access, null, walk.fault, leaf);
    const type = this.#types[leaf.flags]!;
    if (walk.memoryType !== type) {
      throw differs("P-M10", vpn, "the walk's memory type", type, walk.memoryType);
    }
    if (2 ** walk.leafPages !== leaf.pages) {
      throw differs("P-B1", vpn, "the walk's leaf pages", leaf.pages, 2 ** walk.leafPages);
    }
  }

  #allowedAt(vpn: Vpn): AccessMask {
    const leaf = this.reference.lookup(vpn);
    return leaf === null ? 0 : this.#rights[leaf.flags]!;
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

const has = (mask: AccessMask, access: Access): boolean => ((mask >> access) & 1) !== 0;

/** Who saw it: a CPU with its caches, or a cold walk. */
const by = (cpu: Cpu | null, access: Access): string =>
  `${cpu === null ? "a cold walk" : `CPU ${cpu.id}`} for ${accessName(access)}`;

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
