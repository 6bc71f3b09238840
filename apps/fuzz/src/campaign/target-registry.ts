/** The targets that a campaign can run, each with the packages it judges and its seed corpus. */
import { fileURLToPath } from "node:url";
import type { Quirk } from "@aspace/arch";
import { REGION_QUIRKS } from "@aspace/vm";
import type { PackageUnderTest } from "../engine/module-counters.ts";
import * as archInput from "../targets/arch/decode.ts";
import * as objectsInput from "../targets/objects/decode.ts";
import * as regionsInput from "../targets/regions/decode.ts";

export interface TargetEntry {
  readonly name: string;
  /** File URL of the target's module and the factory it exports, a `CreateTarget`. */
  readonly module: string;
  readonly factory: string;
  /** What the first line of the target's traces says they are. */
  readonly traceFormat: string;
  /** Whether it runs on architectures, and knows their quirks. One that does not gets none. */
  readonly hasArchitectures: boolean;
  /** Quirks of what lies above the architectures. */
  readonly quirks: readonly Quirk[];
  /** Code under test, and nothing else: oracles must not steer the search (F-11). */
  readonly packagesUnderTest: (arches: readonly string[]) => PackageUnderTest[];
  /** Longest useful input: the header and all records (F-1). */
  readonly maxInputBytes: number;
  /** A run that takes longer is an endless loop that no budget of the model caught (F-15). */
  readonly runLimitSeconds: number;
  readonly seedCorpus: string;
}

const ARCH: TargetEntry = {
  name: "arch",
  module: new URL("../targets/arch/index.ts", import.meta.url).href,
  factory: "createArchTarget",
  traceFormat: "aspace-arch-trace",
  hasArchitectures: true,
  quirks: [],
  packagesUnderTest: (arches) =>
    ["arch", "machine", "page-table", ...new Set(arches.map(packageOf))].map(workspacePackage),
  maxInputBytes: longestInput(archInput),
  runLimitSeconds: 10,
  seedCorpus: fileURLToPath(new URL("../../corpus/arch", import.meta.url)),
};

const OBJECTS: TargetEntry = {
  name: "objects",
  module: new URL("../targets/objects/index.ts", import.meta.url).href,
  factory: "createObjectsTarget",
  traceFormat: "aspace-objects-trace",
  hasArchitectures: false,
  quirks: [],
  packagesUnderTest: () => ["vm", "arch"].map(workspacePackage),
  maxInputBytes: longestInput(objectsInput),
  runLimitSeconds: 10,
  seedCorpus: fileURLToPath(new URL("../../corpus/objects", import.meta.url)),
};

const REGIONS: TargetEntry = {
  name: "regions",
  module: new URL("../targets/regions/index.ts", import.meta.url).href,
  factory: "createRegionsTarget",
  traceFormat: "aspace-regions-trace",
  hasArchitectures: true,
  quirks: REGION_QUIRKS,
  packagesUnderTest: (arches) =>
    ["arch", "machine", "page-table", "vm", "kernel", ...new Set(arches.map(packageOf))].map(
      workspacePackage,
    ),
  maxInputBytes: longestInput(regionsInput),
  runLimitSeconds: 10,
  seedCorpus: fileURLToPath(new URL("../../corpus/regions", import.meta.url)),
};

export const TARGETS: readonly TargetEntry[] = [ARCH, OBJECTS, REGIONS];

/** Variants of an architecture live in one package: x86-64-la57 in arch-x86-64. */
const packageOf = (arch: string): string => `arch-${arch.replace(/-la57$/, "")}`;

function workspacePackage(name: string): PackageUnderTest {
  const folder = fileURLToPath(new URL(`../../../../packages/${name}/src/`, import.meta.url));
  return { name, folder };
}

interface RecordLayout {
  readonly HEADER_BYTES: number;
  readonly MAX_OPERATIONS: number;
  readonly RECORD_BYTES: number;
}

function longestInput({ HEADER_BYTES, MAX_OPERATIONS, RECORD_BYTES }: RecordLayout): number {
  return HEADER_BYTES + MAX_OPERATIONS * RECORD_BYTES;
}
