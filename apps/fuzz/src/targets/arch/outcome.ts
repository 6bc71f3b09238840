import type { Status, Vpn } from "@aspace/arch";
import type { SituationCounts } from "./situations.ts";
import type { World } from "./world.ts";

/** What an operation did, for the trace and for the comparison between architectures. */
export interface Outcome {
  /** `null`: the operation named nothing that is alive. */
  status: Status | null;
  /** The slot whose pages it may have changed, and the pages; -1 for none. */
  slot: number;
  vpn: Vpn;
  count: number;
  /** The status is allowed to differ between architectures. */
  gated: boolean;
}

/** Where an operation runs, and where it leaves what it did. */
export interface Stage {
  readonly world: World;
  readonly situations: SituationCounts;
  readonly outcome: Outcome;
}
