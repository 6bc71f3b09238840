/**
 * Ctrl-C, and its cousins from CI systems and closed terminals. The first asks a job to stop and
 * keep what it has; whoever asks twice does not want to wait.
 */
import { ExitStatus } from "./exit-status.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
}

/** Turns signals into an abort until disposed. */
export function watchInterrupt(onFirst: () => void): Interrupt {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(ExitStatus.INTERRUPTED);
    onFirst();
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of SIGNALS) process.off(signal, stop);
    },
  };
}
