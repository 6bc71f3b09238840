/**
 * Coverage-guided fuzzing of the backends.
 *
 *     runCampaign ── supervisor: corpus, findings, report, exit status
 *         │ starts, restarts, interrupts
 *     engine process ×N ── Jazzer.js, made to load here and to see our sources
 *         │ bytes
 *     FuzzTarget ── decoder, executor, oracles; knows none of the above
 */
export * from "./campaign/campaign-options.ts";
export * from "./campaign/campaign-result.ts";
export type { Refused } from "./campaign/prepared-campaign.ts";
export type { MinimiseProgress } from "./campaign/minimise-findings.ts";
export { replayFinding, type Replay } from "./campaign/replay-finding.ts";
export { reportText } from "./campaign/report.ts";
export {
  runCampaign,
  type CampaignProgress,
  type CampaignSurroundings,
} from "./campaign/run-campaign.ts";
export { TARGETS, type TargetEntry } from "./campaign/target-registry.ts";
export { engineReport, type EngineReport } from "./engine/engine-report.ts";
export type { Finding } from "./findings/finding.ts";
export { MINIMIZED } from "./findings/minimized-trace.ts";
export { DEFAULT_RUNS, type Minimised, type Smallest } from "./minimise/minimise.ts";
export {
  minimiseFinding,
  minimiseTrace,
  targetOf,
  type MinimiseOptions,
} from "./minimise/minimise-finding.ts";
export * from "./target.ts";
