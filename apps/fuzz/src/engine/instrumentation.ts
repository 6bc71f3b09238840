/**
 * What must be in place before the engine is imported: the module hook for sources, and two
 * accessors on `globalThis` that catch objects of the engine on their way in.
 */
import { register } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { HookSettings } from "./load-sources-hook.ts";
import type { ModuleCounters, PackageUnderTest } from "./module-counters.ts";
import { comparePlainly, type ComparisonTracer } from "./plain-comparisons.ts";

/** The parts of the engine's global object that instrumented modules call. */
interface EngineGlobal {
  readonly tracer: ComparisonTracer;
  readonly coverageTracker: { createModuleCounters: (size: number) => Uint8Array };
}

type RegisterSourceMap = (file: string, map: unknown) => void;

/** Prepares this process so that the packages of `counters` are instrumented and accounted for. */
export function prepareInstrumentation(
  packages: readonly PackageUnderTest[],
  counters: ModuleCounters,
): void {
  const folderUrls = packages.map(({ folder }) => pathToFileURL(folder).href);
  const settings: HookSettings = { folderUrls };
  register("./load-sources-hook.ts", { parentURL: import.meta.url, data: settings });

  whenAssigned<EngineGlobal>("Fuzzer", (engine) => {
    comparePlainly(engine.tracer);
    accountForCounters(engine, counters);
    return engine;
  });
  whenAssigned<RegisterSourceMap>("__jazzer_registerSourceMap", registerUnderBothNames);
}

/** Cells that count as coverage but belong to no module (fuzzing.md section 4). */
export function engineStateMap(cells: number): Uint8Array {
  const { Fuzzer } = globalThis as unknown as { Fuzzer: EngineGlobal };
  return Fuzzer.coverageTracker.createModuleCounters(cells);
}

/** Lets `change` replace the value that someone will assign to a global, then leaves it alone. */
function whenAssigned<T>(name: string, change: (value: T) => T): void {
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get: () => undefined,
    set: (value: T) => {
      const plain = { value: change(value), writable: true, configurable: true, enumerable: true };
      Object.defineProperty(globalThis, name, plain);
    },
  });
}

/** Each module asks for its counters in its first line: the caller's file says whose they are. */
function accountForCounters({ coverageTracker }: EngineGlobal, counters: ModuleCounters): void {
  const create = coverageTracker.createModuleCounters.bind(coverageTracker);
  coverageTracker.createModuleCounters = function createModuleCounters(size) {
    return counters.register(callerFile(createModuleCounters), size, create);
  };
}

function callerFile(callee: (size: number) => unknown): string {
  const format = Error.prepareStackTrace;
  Error.prepareStackTrace = (_error, frames) => frames[0]?.getFileName() ?? "";
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callee);
  const file = holder.stack ?? "";
  Error.prepareStackTrace = format;
  return file.startsWith("file:") ? fileURLToPath(file) : file;
}

/**
 * The engine registers maps of ES modules under their path, but their stack frames carry `file:`
 * URLs. Registered under both, frames name the line of the source instead of instrumented text.
 */
function registerUnderBothNames(registerMap: RegisterSourceMap): RegisterSourceMap {
  return (file, map) => {
    registerMap(file, map);
    registerMap(pathToFileURL(file).href, map);
  };
}
