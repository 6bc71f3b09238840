/**
 * One engine process, from its configuration to its exit status.
 *
 * The order matters. The adaptation stands in front of `process.dlopen` before the engine's addon
 * is asked for; our module hook is registered before the engine's, which then sees its output; the
 * accessors wait for the engine's globals; last the engine imports `fuzz-entry.ts`, and through it
 * the target and the packages under test.
 */
import { fileURLToPath } from "node:url";
import { installGlibcAdaptation, type AddonLoad } from "./glibc-adaptation.ts";
import { prepareInstrumentation } from "./instrumentation.ts";
import { ModuleCounters } from "./module-counters.ts";
import { oneLine } from "./one-line.ts";
import { sendMessage } from "./telemetry.ts";
import { engineFlags, type WorkerConfig } from "./worker-config.ts";
import { Refusal, WorkerSession } from "./worker-session.ts";

type Engine = typeof import("@jazzer.js/core");

/** Set once the engine has imported the target. */
let opened: WorkerSession | null = null;
/** How `fuzz-entry.ts`, which the engine imports by name only, gets at this process's session. */
let open: (() => Promise<WorkerSession>) | null = null;

export async function openSession(): Promise<WorkerSession> {
  if (open === null) throw new Error("the engine imported its target before the worker was ready");
  opened = await open();
  return opened;
}

/** Fuzzes until a limit or an interrupt; the result is this process's exit status. */
export async function runWorker(config: WorkerConfig): Promise<number> {
  try {
    const { returnCode } = await fuzz(config);
    opened?.report();
    return returnCode;
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 70;
    sendMessage({ kind: "refused", status, reason: oneLine(error) });
    return status;
  }
}

async function fuzz(config: WorkerConfig): Promise<{ returnCode: number }> {
  let addon: AddonLoad | null = null;
  installGlibcAdaptation((load) => {
    addon = load;
  });
  const counters = new ModuleCounters(config.packages);
  prepareInstrumentation(config.packages, counters);
  const engine = await importEngine(config.engine);
  open = () => WorkerSession.open(config, counters, addon);

  const options = new engine.OptionsManager(engine.OptionSource.DefaultCLIOptions);
  options.merge(
    {
      fuzzTarget: fileURLToPath(new URL("./fuzz-entry.ts", import.meta.url)),
      includes: config.packages.map(({ folder }) => folder),
      excludes: [],
      disableBugDetectors: [".*"],
      sync: true,
      timeout: config.runLimitSeconds * 1000,
      fuzzerOptions: engineFlags(config),
    },
    engine.OptionSource.CommandLineArguments,
  );
  return engine.startFuzzing(options);
}

async function importEngine(url: string): Promise<Engine> {
  try {
    return (await import(url)) as Engine;
  } catch (error) {
    throw new Refusal(3, `the fuzz engine does not load here: ${oneLine(error)}`);
  }
}
