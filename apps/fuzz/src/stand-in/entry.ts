/** The stand-in as a campaign knows it. */
import { fileURLToPath } from "node:url";
import type { TargetEntry } from "../campaign/target-registry.ts";

export const standIn: TargetEntry = {
  name: "stand-in",
  module: new URL("./target.ts", import.meta.url).href,
  factory: "createStandIn",
  traceFormat: "stand-in-trace",
  hasArchitectures: true,
  quirks: [],
  packagesUnderTest: () => [
    { name: "lock", folder: fileURLToPath(new URL("./package-under-test/", import.meta.url)) },
  ],
  maxInputBytes: 16,
  runLimitSeconds: 1,
  seedCorpus: fileURLToPath(new URL("./seeds", import.meta.url)),
};
