/**
 * The fuzz function of one engine process: runs the target, keeps what it finds, and reports.
 *
 * A failure is caught, saved and counted, and the run returns as if nothing had happened, so that
 * one shallow defect does not end the night (F-21).
 */
import { FindingStore } from "../findings/finding-store.ts";
import { fingerprintOf } from "../findings/fingerprint.ts";
import type { CreateTarget, Failure, FuzzTarget } from "../target.ts";
import type { AddonLoad } from "./glibc-adaptation.ts";
import { engineStateMap } from "./instrumentation.ts";
import type { ModuleCounters } from "./module-counters.ts";
import { oneLine } from "./one-line.ts";
import { sendMessage, type WorkerMessage } from "./telemetry.ts";
import type { WorkerConfig } from "./worker-config.ts";

const RUNS_BETWEEN_CLOCK_READS = 64;
const REPORT_EVERY_MS = 1000;
const SUPERVISOR_GONE = 130;

/** This process cannot fuzz; `status` becomes its exit status. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: 3 | 70;

  constructor(status: 3 | 70, reason: string) {
    super(reason);
    this.status = status;
  }
}

export class WorkerSession {
  readonly #counters: ModuleCounters;
  readonly #target: FuzzTarget;
  readonly #store: FindingStore;
  readonly #sightings: Record<string, number> = {};
  #runs = 0;
  #nextReport = 0;

  private constructor(config: WorkerConfig, counters: ModuleCounters, target: FuzzTarget) {
    this.#counters = counters;
    this.#target = target;
    const provenance = { ...config.provenance, decoderVersion: target.decoderVersion };
    this.#store = new FindingStore(config.findings, provenance);
  }

  /**
   * Imports the target, which pulls in the packages under test through the engine's hooks, and
   * says what is there. Throws {@link Refusal} when a package came without counters (F-27).
   */
  static async open(
    config: WorkerConfig,
    counters: ModuleCounters,
    addon: AddonLoad | null,
  ): Promise<WorkerSession> {
    const target = await createTarget(config);
    const missing = counters.packagesWithoutCounters();
    if (missing.length > 0) {
      const names = missing.join(", ");
      throw new Refusal(
        3,
        `no coverage counters in ${names}: fuzzing would explore nothing (F-27)`,
      );
    }
    const { decoderVersion } = target;
    sendMessage({ kind: "ready", addon, decoderVersion, edges: counters.edgesByPackage() });
    return new WorkerSession(config, counters, target);
  }

  /** One input. Never throws for what the code under test, an oracle or the decoder does (F-14). */
  fuzz(data: Uint8Array): void {
    const failure = runTarget(this.#target, data);
    this.#counters.mergeRun();
    if (failure !== null) this.#keep(failure, data);
    if (++this.#runs % RUNS_BETWEEN_CLOCK_READS === 0) this.#reportIfDue();
  }

  report(): void {
    this.#tell(this.#progress());
  }

  #progress(): WorkerMessage {
    const { runs, operations, skipped, sometimes } = this.#target.stats;
    const newEdges = this.#counters.takeNewEdges();
    const sightings = this.#sightings;
    return { kind: "progress", runs, operations, skipped, sometimes, sightings, newEdges };
  }

  #keep(failure: Failure, data: Uint8Array): void {
    const fingerprint = fingerprintOf(failure);
    const isFirst = this.#sightings[fingerprint] === undefined;
    this.#sightings[fingerprint] = (this.#sightings[fingerprint] ?? 0) + 1;
    const saved = this.#store.save(failure, data);
    if (!isFirst && saved.kind !== "not-written") return;
    const inputBase64 = Buffer.from(data).toString("base64");
    this.#tell({ kind: "finding", saved, failure, inputBase64 });
  }

  /** A campaign whose supervisor died must not go on unseen: nobody would ever stop it. */
  #tell(message: WorkerMessage): void {
    try {
      sendMessage(message);
    } catch {
      process.exit(SUPERVISOR_GONE);
    }
  }

  #reportIfDue(): void {
    const now = Date.now();
    if (now < this.#nextReport) return;
    this.#nextReport = now + REPORT_EVERY_MS;
    this.report();
  }
}

async function createTarget(config: WorkerConfig): Promise<FuzzTarget> {
  const { module, factory } = config.target;
  try {
    const exported = (await import(module)) as Record<string, CreateTarget | undefined>;
    const create = exported[factory];
    if (create === undefined) throw new Error(`it does not export ${factory}`);
    const { arches, quirks } = config.provenance;
    return create({ arches, quirks, stateMap: engineStateMap });
  } catch (error) {
    throw new Refusal(
      70,
      `the target ${config.provenance.target} does not load: ${oneLine(error)}`,
    );
  }
}

function runTarget(target: FuzzTarget, data: Uint8Array): Failure | null {
  try {
    return target.run(data);
  } catch (error) {
    return escapedException(error);
  }
}

/** An exception that got past the target is a defect of decoder, executor or oracle (F-14). */
function escapedException(error: unknown): Failure {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const [place = "", frame = ""] = /at (?:async )?([^\s(]+) \(.*\)/.exec(stack) ?? [];
  const message = `an exception left the target: ${oneLine(error)} ${place}`;
  return { rule: "F-14", operation: "run", arch: "any", frame, message, trace: "" };
}
