/**
 * The supervisor of a campaign (F-25): engine processes over one corpus folder, each with its own
 * seed, restarted when they die or grow old; one tally over all of them.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkerMessage } from "../engine/telemetry.ts";
import type { WorkerConfig, WorkerLimit } from "../engine/worker-config.ts";
import { FindingStore } from "../findings/finding-store.ts";
import { sha1 } from "../findings/fingerprint.ts";
import { replayCommand } from "../findings/replay-command.ts";
import { CampaignTally } from "./campaign-tally.ts";
import { CampaignEnd, SEED_MAX } from "./campaign-options.ts";
import type { WorkerHealth } from "./campaign-result.ts";
import { EngineProcess, type EngineEnd } from "./engine-process.ts";
import { BYTES_TO_CONTINUE, freeBytes, inMib } from "./free-space.ts";
import type { PreparedCampaign, Refused } from "./prepared-campaign.ts";
import { readDeath } from "./process-death.ts";

/** A long-lived process collects garbage of its own; a fresh one starts from the best corpus. */
const RECYCLE_SECONDS = 30 * 60;
/** Deaths in a row, each soon after the start, that make a worker give up. */
const FRUITLESS_STARTS_MAX = 5;
const FRUITFUL_RUNS = 1000;

interface Worker {
  readonly number: number;
  starts: number;
  deaths: number;
  fruitlessStarts: number;
}

export class Campaign {
  readonly tally: CampaignTally = new CampaignTally();
  readonly problems: string[] = [];
  refusal: Refused | null = null;

  readonly #prepared: PreparedCampaign;
  readonly #engine: string;
  readonly #workers: Worker[];
  readonly #store: FindingStore;
  readonly #alive = new Set<EngineProcess>();
  #stopping = false;
  /** When the first process began to fuzz, and thereby the campaign, in ms; NaN before. */
  #began: number = Number.NaN;
  #deadline: NodeJS.Timeout | undefined;
  #processes = 0;

  constructor(prepared: PreparedCampaign, engine: string) {
    this.#prepared = prepared;
    this.#engine = engine;
    this.#store = new FindingStore(prepared.folders.findings, prepared.provenance);
    this.#workers = Array.from({ length: prepared.options.workers }, (_, number) => {
      return { number, starts: 0, deaths: 0, fruitlessStarts: 0 };
    });
  }

  /** Runs until the limit, {@link stop}, a full disk, or the last worker has given up. */
  async run(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#keepRunning(worker)));
    clearTimeout(this.#deadline);
    rmSync(this.#prepared.folders.artifacts, { recursive: true, force: true });
  }

  /** Lets every process finish its run and report. */
  stop(): void {
    this.#stopping = true;
    for (const engine of this.#alive) engine.interrupt();
  }

  /** To be called regularly. Stops while there is still room to write what is known. */
  checkSpace(): void {
    if (this.#stopping) return;
    const free = freeBytes(this.#prepared.options.outputDirectory);
    if (free >= BYTES_TO_CONTINUE) return;
    this.problems.push(`stopped because the disk is full (${inMib(free)} left)`);
    this.stop();
  }

  /** Seconds of fuzzing so far, start-up of the first process excluded. */
  elapsedSeconds(): number {
    return Number.isNaN(this.#began) ? 0 : (performance.now() - this.#began) / 1000;
  }

  aliveCount(): number {
    return this.#alive.size;
  }

  health(): WorkerHealth[] {
    return this.#workers.map(({ starts, deaths }) => ({ starts, deaths }));
  }

  async #keepRunning(worker: Worker): Promise<void> {
    const processes: number[] = [];
    for (;;) {
      const limit = this.#remaining(processes);
      if (this.#stopping || limit === null) return;
      const process = this.#processes++;
      processes.push(process);
      const config = this.#configure(worker, limit);
      const end = await this.#runProcess(process, config);
      if (!this.#survives(worker, process, config, end)) return;
    }
  }

  async #runProcess(process: number, config: WorkerConfig): Promise<EngineEnd> {
    const engine = new EngineProcess(config, (message) => this.#receive(process, message));
    this.#alive.add(engine);
    const end = await engine.ended;
    this.#alive.delete(engine);
    return end;
  }

  #receive(process: number, message: WorkerMessage): void {
    if (message.kind === "ready") {
      this.#begin();
      this.tally.addReady(message);
    } else if (message.kind === "progress") {
      this.tally.addProgress(process, message);
    } else if (message.kind === "finding") {
      this.tally.addFinding(message, replayCommand);
      const { saved } = message;
      if (saved.kind === "not-written") this.#noteUnwritten(saved.fingerprint, saved.reason);
      if (this.#prepared.options.until === CampaignEnd.FIRST_FINDING) this.stop();
    } else {
      this.refusal ??= { ...message, kind: "refused" };
      this.stop();
    }
  }

  /** The engine's own time limit is checked in whole seconds, and per process: ours is exact. */
  #begin(): void {
    if (!Number.isNaN(this.#began)) return;
    this.#began = performance.now();
    const { limit } = this.#prepared.options;
    if (limit.kind === "seconds")
      this.#deadline = setTimeout(() => this.stop(), limit.seconds * 1000);
  }

  #noteUnwritten(fingerprint: string, reason: string): void {
    const note = `a finding (${fingerprint}) could not be written: ${reason}`;
    if (!this.problems.includes(note)) this.problems.push(note);
  }

  /** Accounts for a process that ended; true if its worker should start another one. */
  #survives(worker: Worker, process: number, config: WorkerConfig, end: EngineEnd): boolean {
    if (this.refusal !== null) return false;
    // An interrupt before the engine has its own handler ends the process by the signal itself.
    if (this.#stopping && end.signal === "SIGINT") return false;
    if (end.status !== 0) this.#accountForDeath(worker, config, end);
    if (this.#stopping || this.#remaining([process]) === null) return false;

    const wasFruitful = this.tally.runsOf(process) >= FRUITFUL_RUNS;
    worker.fruitlessStarts = wasFruitful ? 0 : worker.fruitlessStarts + 1;
    if (worker.fruitlessStarts < FRUITLESS_STARTS_MAX) return true;
    this.problems.push(`worker ${worker.number} gave up after ${worker.starts} starts`);
    return false;
  }

  #accountForDeath(worker: Worker, config: WorkerConfig, end: EngineEnd): void {
    worker.deaths++;
    const { folders, provenance } = this.#prepared;
    const death = readDeath(end, provenance.arches, config.artifacts);
    const log = join(folders.logs, `worker-${worker.number}-death-${worker.deaths}.log`);
    try {
      mkdirSync(folders.logs, { recursive: true });
      writeFileSync(log, end.output.join("\n") + "\n");
    } catch {
      // A full disk is reported by checkSpace(); the reason below does not need the file.
    }
    if (death.kind === "failure") {
      this.problems.push(`engine process ${worker.number} ${death.reason}; see ${log}`);
      return;
    }
    const { failure, input } = death;
    const saved = this.#store.save(failure, input);
    const inputBase64 = Buffer.from(input).toString("base64");
    this.tally.addDeath(saved.fingerprint);
    this.tally.addFinding({ kind: "finding", saved, failure, inputBase64 }, replayCommand);
    if (saved.kind === "not-written") this.#noteUnwritten(saved.fingerprint, saved.reason);
    // From the corpus it would kill every process to come; the finding has it.
    else rmSync(join(folders.corpus, sha1(input)), { force: true });
  }

  /** What is left for the next process of a worker that ran `processes` before. */
  #remaining(processes: readonly number[]): WorkerLimit | null {
    const { limit, workers } = this.#prepared.options;
    if (limit.kind === "seconds") {
      const left = Math.round(limit.seconds - this.elapsedSeconds());
      return left < 1 ? null : { kind: "seconds", seconds: Math.min(left, RECYCLE_SECONDS) };
    }
    const done = processes.reduce((sum, process) => sum + this.tally.runsOf(process), 0);
    const left = Math.ceil(limit.runs / workers) - done;
    return left < 1 ? null : { kind: "runs", runs: left };
  }

  #configure(worker: Worker, limit: WorkerLimit): WorkerConfig {
    const { options, folders, provenance } = this.#prepared;
    const { target, arches, workers } = options;
    const artifacts = join(folders.artifacts, `worker-${worker.number}`);
    mkdirSync(artifacts, { recursive: true });
    const seed = workerSeed(options.seed, worker);
    worker.starts++;
    return {
      engine: this.#engine,
      target: { module: target.module, factory: target.factory },
      packages: target.packagesUnderTest(arches),
      corpus: folders.corpus,
      findings: folders.findings,
      artifacts,
      limit,
      seed,
      maxInputBytes: target.maxInputBytes,
      runLimitSeconds: target.runLimitSeconds,
      reload: workers > 1,
      provenance,
    };
  }
}

/** The campaign's own seed for the first process, unrelated ones for all others. */
function workerSeed(seed: number, { number, starts }: Worker): number {
  const mixed = (seed - 1 + number * 1_000_003 + starts * 7_368_787) % SEED_MAX;
  return mixed + 1;
}
