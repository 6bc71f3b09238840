/** What makes two failures the same defect (F-18), and the name that its folder gets. */
import { createHash } from "node:crypto";
import type { Failure } from "../target.ts";

/** Rule, kind of operation, architecture and innermost function; never text that varies. */
export function fingerprintOf({ rule, operation, arch, frame }: Failure): string {
  return [rule, operation, arch, frame].join(" | ");
}

/** Start of the folder names of all findings with this fingerprint: readable, and unambiguous. */
export function folderPrefix(fingerprint: string): string {
  const readable = fingerprint.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
  return `${readable.slice(0, 60)}-${sha1(fingerprint).slice(0, 8)}-`;
}

export function sha1(data: string | Uint8Array): string {
  return createHash("sha1").update(data).digest("hex");
}
