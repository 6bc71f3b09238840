/**
 * Room on the disk. On a full disk the engine writes empty corpus files, says nothing and ends
 * with 0 (F-28), so the supervisor looks for itself, before and during a campaign.
 */
import { statfsSync } from "node:fs";

const MIB = 2 ** 20;
/** Without this much a campaign does not start. */
export const BYTES_TO_START: number = 32 * MIB;
/** With less than this it stops while its corpus is still whole. */
export const BYTES_TO_CONTINUE: number = 8 * MIB;

/** Bytes that this user may still write below `folder`, which must exist. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function inMib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}
