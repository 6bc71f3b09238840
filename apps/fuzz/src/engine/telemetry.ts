/**
 * What an engine process tells its supervisor: one JSON object a line on file descriptor 3.
 *
 * While the engine runs, no timer, promise or signal handler of ours gets a turn in its process, so
 * messages are written synchronously between two runs. Counters are totals since the process
 * started; a lost last line costs at most a second of counting.
 */
import { writeSync } from "node:fs";
import type { Saved } from "../findings/finding-store.ts";
import type { Failure } from "../target.ts";
import type { AddonLoad } from "./glibc-adaptation.ts";
import type { NewEdges } from "./module-counters.ts";

export type WorkerMessage =
  | {
      readonly kind: "ready";
      readonly addon: AddonLoad | null;
      readonly decoderVersion: number;
      /** Edges that exist, by package under test. */
      readonly edges: Record<string, number>;
    }
  /** The process cannot fuzz and ends with `status`: 3 cannot run here, 70 our own defect. */
  | { readonly kind: "refused"; readonly status: 3 | 70; readonly reason: string }
  | {
      readonly kind: "progress";
      readonly runs: number;
      readonly operations: number;
      readonly skipped: number;
      readonly sometimes: Readonly<Record<string, number>>;
      /** Sightings by fingerprint. */
      readonly sightings: Record<string, number>;
      readonly newEdges: NewEdges;
    }
  /** First sighting of a fingerprint by this process, or one that could not be written. */
  | {
      readonly kind: "finding";
      readonly saved: Saved;
      readonly failure: Failure;
      readonly inputBase64: string;
    };

export const TELEMETRY_FD = 3;

/** Writes one message whole. Throws `EPIPE` when the supervisor is gone. */
export function sendMessage(message: WorkerMessage): void {
  const line = Buffer.from(JSON.stringify(message) + "\n");
  for (let written = 0; written < line.length;) {
    try {
      written += writeSync(TELEMETRY_FD, line, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      waitForReader();
    }
  }
}

function waitForReader(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}
