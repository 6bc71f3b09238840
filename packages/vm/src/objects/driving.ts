import type { Blocking } from "./blocking.ts";
import type { LazyPageRequest } from "./page-request.ts";

/**
 * Runs an operation to its end. `others` is what the rest of the world does while it waits: a pager
 * that reads its packets and answers, memory that becomes free. A wait that nobody ended meanwhile
 * has timed out.
 *
 * @returns What the operation returns.
 */
export function complete<T>(operation: Blocking<T>, others: (request: LazyPageRequest) => void): T {
  let step = operation.next();
  while (step.done !== true) {
    const request = step.value;
    others(request);
    request.timeOut();
    step = operation.next(request.status);
  }
  return step.value;
}
