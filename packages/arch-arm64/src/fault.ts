import {
  ALL_ACCESSES,
  type Access,
  type FaultCode,
  FaultFlags,
  type FaultFlagSet,
  isFetchAccess,
  isUserAccess,
  isWriteAccess,
} from "@aspace/arch";

/**
 * Fault codes are the syndrome that the CPU reports: the low 32 bits are ESR_EL1 for a stage 1 fault
 * and ESR_EL2 for a stage 2 fault, and bit 32 says which of the two. Arm ARM, D24.2 "ESR_EL1".
 *
 * ```
 *   32       31       26  25  24                   7   6   5         0
 *  ┌────────┬───────────┬────┬──────────────────────┬─────┬───────────┐
 *  │stage 2 │ EC        │ IL │ ISS: CM, S1PTW, FnV… │ WnR │ FSC       │
 *  └────────┴───────────┴────┴──────────────────────┴─────┴───────────┘
 * ```
 */

/** Fault status codes (FSC); the first five take a level in bits 1:0. */
export const FaultStatus = {
  ADDRESS_SIZE: 0b0000_00,
  TRANSLATION: 0b0001_00,
  ACCESS_FLAG: 0b0010_00,
  PERMISSION: 0b0011_00,
  EXTERNAL_ABORT_ON_WALK: 0b0101_00,
  EXTERNAL_ABORT: 0b010000,
  ALIGNMENT: 0b100001,
  TLB_CONFLICT: 0b110000,
  UNSUPPORTED_ATOMIC_UPDATE: 0b110001,
} as const;

/** A status code with its level. */
export type FaultStatusCode = number;

const FSC_MASK = 0x3f;
const GROUP_MASK = 0x3c;
const LEVEL_MASK = 0x3;
const WNR = 2 ** 6;
const CM = 2 ** 8;
const IL = 2 ** 25;
const EC_UNIT = 2 ** 26;
const EC_MASK = 0x3f;
const STAGE_2 = 2 ** 32;

/** Exception classes; bit 0 tells "same exception level" from "lower". */
const EC_INSTRUCTION_ABORT = 0x20;
const EC_DATA_ABORT = 0x24;
const EC_SAME_LEVEL = 1;

/** The engine counts levels from the last one up, the manual from the root of a 48-bit range down. */
const LAST_LEVEL = 3;

/** A status with the level of the entry at fault, given the way the engine counts. */
export function atLevel(group: number, level: number): FaultStatusCode {
  return group | (LAST_LEVEL - level);
}

function stage1Syndrome(access: Access): number {
  const fetch = isFetchAccess(access);
  const from = isUserAccess(access) ? 0 : EC_SAME_LEVEL;
  const syndrome = ((fetch ? EC_INSTRUCTION_ABORT : EC_DATA_ABORT) | from) * EC_UNIT + IL;
  return isWriteAccess(access) ? syndrome + WNR : syndrome;
}

/** To the hypervisor every guest is a lower exception level, whatever mode it was in. */
function stage2Syndrome(access: Access): number {
  const syndrome = (isFetchAccess(access) ? EC_INSTRUCTION_ABORT : EC_DATA_ABORT) * EC_UNIT + IL;
  return STAGE_2 + (isWriteAccess(access) ? syndrome + WNR : syndrome);
}

/** Everything of a code except the status, by access kind. */
export type Syndromes = Float64Array;
export const STAGE1_SYNDROMES: Syndromes = Float64Array.from(ALL_ACCESSES, stage1Syndrome);
export const STAGE2_SYNDROMES: Syndromes = Float64Array.from(ALL_ACCESSES, stage2Syndrome);

/** The code of a fault that `access` takes with `status`. */
export function composeFault(
  syndromes: Syndromes,
  access: Access,
  status: FaultStatusCode,
): FaultCode {
  return syndromes[access]! + status;
}

const isStage2 = (code: FaultCode): boolean => code >= STAGE_2;
const exceptionClass = (code: FaultCode): number => Math.floor(code / EC_UNIT) & EC_MASK;
const isInstructionAbort = (code: FaultCode): boolean =>
  (exceptionClass(code) & ~EC_SAME_LEVEL) === EC_INSTRUCTION_ABORT;
const isLowerLevel = (code: FaultCode): boolean => (exceptionClass(code) & EC_SAME_LEVEL) === 0;

/** The fault status, level included. */
export const faultStatus = (code: FaultCode): FaultStatusCode => code & FSC_MASK;

/** The manual's number of the level that a fault names. */
export const faultLevel = (code: FaultCode): number => code & LEVEL_MASK;

/** Cache maintenance (CM) reports WnR too, but asks for no more than a read. */
const isWrite = (code: FaultCode): boolean =>
  !isInstructionAbort(code) && (code & WNR) !== 0 && (code & CM) === 0;

/**
 * Nothing that editing tables could resolve: only translation, access-flag and permission faults go
 * to the page-fault handler. Who made the access does not matter here: that a kernel's own
 * instruction abort is the end is for the kernel above to decide.
 */
function isFatal(code: FaultCode): boolean {
  const group = faultStatus(code) & GROUP_MASK;
  return (
    group !== FaultStatus.TRANSLATION &&
    group !== FaultStatus.ACCESS_FLAG &&
    group !== FaultStatus.PERMISSION
  );
}

/** What the fault handler is told. USER is never set for stage 2, where the mode means nothing. */
export function faultFlags(code: FaultCode): FaultFlagSet {
  const group = faultStatus(code) & GROUP_MASK;
  return (
    (isWrite(code) ? FaultFlags.WRITE : 0) |
    (isLowerLevel(code) && !isStage2(code) ? FaultFlags.USER : 0) |
    (isInstructionAbort(code) ? FaultFlags.INSTRUCTION : 0) |
    (group === FaultStatus.TRANSLATION ? FaultFlags.NOT_PRESENT : 0) |
    (group === FaultStatus.ACCESS_FLAG ? FaultFlags.ACCESS : 0) |
    (isFatal(code) ? FaultFlags.FATAL : 0)
  );
}

const LEVELLED: Readonly<Record<number, string>> = {
  [FaultStatus.ADDRESS_SIZE]: "address size fault",
  [FaultStatus.TRANSLATION]: "translation fault",
  [FaultStatus.ACCESS_FLAG]: "access flag fault",
  [FaultStatus.PERMISSION]: "permission fault",
  [FaultStatus.EXTERNAL_ABORT_ON_WALK]: "external abort on walk",
};

const PLAIN: Readonly<Record<number, string>> = {
  [FaultStatus.EXTERNAL_ABORT]: "external abort",
  [FaultStatus.ALIGNMENT]: "alignment fault",
  [FaultStatus.TLB_CONFLICT]: "TLB conflict",
  [FaultStatus.UNSUPPORTED_ATOMIC_UPDATE]: "unsupported atomic hardware update",
};

function statusText(status: FaultStatusCode): string {
  const plain = PLAIN[status];
  if (plain !== undefined) return plain;
  const levelled = LEVELLED[status & GROUP_MASK];
  if (levelled !== undefined) return `${levelled}, level ${String(status & LEVEL_MASK)}`;
  return `fault status 0x${status.toString(16)}`;
}

/** A code in words: `ESR_EL1 0x9200004f (permission fault, level 3; EL0 write)`. */
export function describeFault(code: FaultCode): string {
  const action = isInstructionAbort(code) ? "fetch" : isWrite(code) ? "write" : "read";
  const origin = isStage2(code) ? "guest" : isLowerLevel(code) ? "EL0" : "EL1";
  const register = isStage2(code) ? "ESR_EL2" : "ESR_EL1";
  const digits = (code % STAGE_2).toString(16).padStart(8, "0");
  return `${register} 0x${digits} (${statusText(faultStatus(code))}; ${origin} ${action})`;
}
