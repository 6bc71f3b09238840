/** `aspace backends`: what is registered, and what each can do. */
import type { Architecture, AspaceKind, AspaceProfile, Capabilities } from "@aspace/arch";
import { formatAddress } from "@aspace/arch";
import { BACKENDS } from "@aspace/backends";
import { ExitStatus } from "../exit-status.ts";
import { formatTable } from "../output/table.ts";
import { columnsOf, paint, print, printJson } from "../output/terminal.ts";

export interface BackendsFlags {
  readonly json?: true;
}

const KINDS: readonly AspaceKind[] = ["user", "kernel", "guest"];

export async function backends(flags: BackendsFlags): Promise<ExitStatus> {
  if (flags.json) printJson({ schemaVersion: 1, backends: BACKENDS.map(describe) });
  else print(BACKENDS.map(textOf).join("\n\n"));
  return ExitStatus.CLEAN;
}

function describe({ name, title, tagLimit, aspaces, quirks }: Architecture): object {
  const kinds = KINDS.map((kind) => [kind, describeProfile(aspaces[kind])]);
  return { name, title, tagLimit, aspaces: Object.fromEntries(kinds), quirks };
}

function describeProfile(profile: AspaceProfile): object {
  const { normalizeFlags: _, ...capabilities } = profile.capabilities;
  return { ...rangeOf(profile), pageCount: profile.pageCount, capabilities };
}

/** First and last byte address. */
function rangeOf({ baseVpn, pageCount }: AspaceProfile): { first: string; last: string } {
  const lastPage = formatAddress(baseVpn + pageCount - 1);
  return { first: formatAddress(baseVpn), last: lastPage.replace(/000$/, "fff") };
}

function textOf(architecture: Architecture): string {
  const { name, title, aspaces, quirks } = architecture;
  const profiles = KINDS.map((kind) => aspaces[kind]);
  const rows = [
    ["", ...KINDS],
    ["first", ...profiles.map((profile) => rangeOf(profile).first)],
    ["last", ...profiles.map((profile) => rangeOf(profile).last)],
    ...CAPABILITY_ROWS.map(([label, value]) => [
      label,
      ...profiles.map(({ capabilities }) => value(capabilities)),
    ]),
  ];
  const table = formatTable(rows, { indent: 2, columns: columnsOf(process.stdout) });
  const hazards = quirks.map(({ id }) => id).join(" ");
  return `${paint("bold", name)}  ${title}\n${table}\n  quirks: ${hazards || "none"}`;
}

const yesNo = (value: boolean): string => (value ? "yes" : "no");

const CAPABILITY_ROWS: readonly (readonly [string, (capabilities: Capabilities) => string])[] = [
  ["leaf sizes", ({ leafShifts }) => leafShifts.map(sizeOf).join(" ")],
  ["physical address bits", ({ physBits }) => String(physBits)],
  ["entries in a table", ({ indexBits }) => String(2 ** indexBits)],
  ["accessed bit", ({ accessedBit, hwAccessed }) => accessedText(accessedBit, hwAccessed)],
  ["accessed mark of tables", ({ nonTerminalAccessed }) => nonTerminalAccessed],
  ["split breaks before making", ({ splitNeedsBbm }) => yesNo(splitNeedsBbm)],
  ["protect unmaps", ({ protectIsUnmap }) => yesNo(protectIsUnmap)],
  ["absence is cached", ({ cachesInvalid }) => yesNo(cachesInvalid)],
  ["faults tell absence", ({ faultTellsPresent }) => yesNo(faultTellsPresent)],
  ["user and kernel differ", ({ distinguishesUser }) => yesNo(distinguishesUser)],
  ["tables prebuilt", ({ prebuiltTables }) => String(prebuiltTables)],
];

function accessedText(has: boolean, byHardware: boolean): string {
  if (!has) return "none";
  return byHardware ? "set by the MMU" : "set by a fault";
}

/** 12 -> 4K, 21 -> 2M. */
function sizeOf(shift: number): string {
  return `${2 ** (shift % 10)}${["", "K", "M", "G", "T"][Math.floor(shift / 10)]}`;
}
