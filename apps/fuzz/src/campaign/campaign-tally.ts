/** Sums over all engine processes of a campaign, the living and the dead. */
import type { WorkerMessage } from "../engine/telemetry.ts";
import type { AddonLoad } from "../engine/glibc-adaptation.ts";
import type { FindingSummary, PackageCoverage } from "./campaign-result.ts";

type Progress = Extract<WorkerMessage, { kind: "progress" }>;
type Ready = Extract<WorkerMessage, { kind: "ready" }>;
type Found = Extract<WorkerMessage, { kind: "finding" }>;

export interface Totals {
  readonly runs: number;
  readonly operations: number;
  readonly skipped: number;
}

export class CampaignTally {
  addon: AddonLoad["kind"] | null = null;
  /** Last counters of every process, by its number: they are totals of that process. */
  readonly #progress = new Map<number, Progress>();
  readonly #covered = new Map<string, Set<number>>();
  #edges: Record<string, number> = {};
  readonly #findings = new Map<string, Omit<FindingSummary, "count">>();
  /** Sightings that ended a process, which could not count them itself. */
  readonly #deaths: Record<string, number> = {};

  addReady(message: Ready): void {
    this.addon = message.addon?.kind ?? null;
    this.#edges = message.edges;
  }

  addProgress(process: number, message: Progress): void {
    this.#progress.set(process, message);
    for (const [module, edges] of Object.entries(message.newEdges)) {
      const covered = this.#covered.get(module) ?? new Set();
      for (const edge of edges) covered.add(edge);
      this.#covered.set(module, covered);
    }
  }

  /** A copy on disk replaces one that could not be written, never the other way round. */
  addFinding({ saved, failure, inputBase64 }: Found, replay: (directory: string) => string): void {
    const known = this.#findings.get(saved.fingerprint);
    if (known !== undefined && (known.directory !== null || saved.kind === "not-written")) return;
    const { rule, operation, arch, frame, message } = failure;
    const directory = saved.kind === "not-written" ? null : saved.directory;
    this.#findings.set(saved.fingerprint, {
      fingerprint: saved.fingerprint,
      rule,
      operation,
      arch,
      frame,
      message,
      directory,
      replay: directory === null ? null : replay(directory),
      inputBase64,
      minimized: null,
    });
  }

  addDeath(fingerprint: string): void {
    this.#deaths[fingerprint] = (this.#deaths[fingerprint] ?? 0) + 1;
  }

  runsOf(process: number): number {
    return this.#progress.get(process)?.runs ?? 0;
  }

  totals(): Totals {
    const totals = { runs: 0, operations: 0, skipped: 0 };
    for (const { runs, operations, skipped } of this.#progress.values()) {
      totals.runs += runs;
      totals.operations += operations;
      totals.skipped += skipped;
    }
    return totals;
  }

  sometimes(): Record<string, number> {
    return sumByKey([...this.#progress.values()].map(({ sometimes }) => sometimes));
  }

  coverage(): PackageCoverage[] {
    return Object.entries(this.#edges).map(([name, edges]) => {
      let covered = 0;
      for (const [module, seen] of this.#covered) {
        if (module.startsWith(`${name}/`)) covered += seen.size;
      }
      return { name, edges, covered };
    });
  }

  coveredEdges(): number {
    return this.coverage().reduce((sum, { covered }) => sum + covered, 0);
  }

  findingCount(): number {
    return this.#findings.size;
  }

  /** Most frequent first. A process that was killed may have died before it counted its finding. */
  findings(): FindingSummary[] {
    const counted = [...this.#progress.values()].map(({ sightings }) => sightings);
    const counts = sumByKey([...counted, this.#deaths]);
    return [...this.#findings.values()]
      .map((finding) => ({ ...finding, count: Math.max(1, counts[finding.fingerprint] ?? 0) }))
      .toSorted((a, b) => b.count - a.count || a.fingerprint.localeCompare(b.fingerprint));
  }
}

function sumByKey(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) sums[key] = (sums[key] ?? 0) + value;
  }
  return sums;
}
