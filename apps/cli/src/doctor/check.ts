/** One thing that this machine has or has not. */
export interface Check {
  /** Stable, for scripts: `engine`. */
  readonly id: string;
  readonly title: string;
  /** `warning`: there, but not as it should be. */
  readonly state: "ok" | "warning" | "missing";
  /** Version, path, number; or the reason why not. */
  readonly detail: string;
  /** Whether the fuzz campaign and the conformance suite can do without. */
  readonly need: "required" | "optional";
  /** What it is good for. */
  readonly purpose: string;
  /** How to get it; null when nothing is to be done. */
  readonly remedy: string | null;
}

export function stopsTheMainJob(check: Check): boolean {
  return check.need === "required" && check.state === "missing";
}
