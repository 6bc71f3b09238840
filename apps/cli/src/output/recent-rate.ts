/** A campaign's counters at one moment. */
export interface Counters {
  readonly elapsedSeconds: number;
  readonly runs: number;
  readonly operations: number;
}

export interface Rates {
  readonly runsPerSecond: number;
  readonly operationsPerSecond: number;
}

/** Engine processes report once a second, each in its own rhythm: one second alone says little. */
const WINDOW_SECONDS = 5;

/** Rates over the last few seconds: steady enough to read, quick enough to show a stall. */
export class RecentRate {
  /** Oldest first. Invariant: all but the oldest lie inside the window. */
  readonly #seen: Counters[] = [{ elapsedSeconds: 0, runs: 0, operations: 0 }];

  add(now: Counters): Rates {
    this.#seen.push(now);
    while (now.elapsedSeconds - this.#seen[1]!.elapsedSeconds >= WINDOW_SECONDS) this.#seen.shift();
    const oldest = this.#seen[0]!;
    const seconds = now.elapsedSeconds - oldest.elapsedSeconds;
    if (seconds <= 0) return { runsPerSecond: 0, operationsPerSecond: 0 };
    return {
      runsPerSecond: (now.runs - oldest.runs) / seconds,
      operationsPerSecond: (now.operations - oldest.operations) / seconds,
    };
  }
}
