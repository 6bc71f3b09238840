import type { Status } from "@aspace/arch";
import type { Blocking, LazyPageRequest } from "@aspace/vm";
import type { Waiter } from "./model/model-source.ts";
import type { AtPage, Steps } from "./model/steps.ts";
import type { OperationKind } from "./operation.ts";
import type { Resident } from "./resident.ts";

/** A blocking operation, on the real object and on the model, and what to do with what both came to. */
export interface Task {
  readonly resident: Resident;
  readonly code: Blocking<unknown>;
  readonly model: Steps<unknown>;
  /** Compares the results and answers the status of both; called once, at the end. */
  readonly settle: (real: never, expected: never) => Status;
}

/** A task that waits, as a thread of its own would. It holds its object. */
export interface Actor extends Task {
  readonly kind: OperationKind;
  readonly serial: number;
  request: LazyPageRequest;
  /** What the model waits for; null while it waits for memory, about which the model knows nothing. */
  waiter: Waiter | null;
  /** Where the model stopped when memory ran out: a page that was not seen done. */
  page: AtPage | null;
}
