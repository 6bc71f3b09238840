/** The module that the engine imports as its target, after its hooks are in place. */
import { openSession } from "./worker.ts";

const session = await openSession();

export function fuzz(data: Uint8Array): void {
  session.fuzz(data);
}
