import { statusName, type Status } from "@aspace/arch";
import {
  isValue,
  type AttributionCounts,
  type Blocking,
  type Result,
  type Transfer,
} from "@aspace/vm";
import type { Seen } from "../format/expectation.ts";
import type { AttributionText } from "../format/values.ts";
import type { Choice } from "../format/words.ts";
import { textOfBytes } from "./bytes.ts";

/** What operations answer, in the words of the format. */

export const OK: Seen = { status: "OK" };

export function answer(status: Status): Seen {
  return { status: nameOf(status) };
}

export function nameOf(status: Status): Choice<"statusName"> {
  return statusName(status) as Choice<"statusName">;
}

export function* answered(operation: Blocking<Status>): Blocking<Seen> {
  return answer(yield* operation);
}

/** For an operation that cannot fail. */
export function* ended(operation: Blocking<void>): Blocking<Seen> {
  yield* operation;
  return OK;
}

export function* moved(operation: Blocking<Transfer>): Blocking<Seen> {
  const { status, bytes } = yield* operation;
  return { ...answer(status), value: textOfBytes(bytes) };
}

/** OK and something, or why not. */
export function answerOf<T extends object>(result: Result<T>, text: (value: T) => Seen): Seen {
  return isValue(result) ? { ...OK, ...text(result) } : answer(result);
}

export function charged({
  uncompressedBytes,
  compressedBytes,
}: AttributionCounts): AttributionText {
  return { uncompressed: textOfBytes(uncompressedBytes), compressed: textOfBytes(compressedBytes) };
}
