import type { Header } from "./header.ts";
import type { Operation } from "./operation.ts";

/** A trace: what it runs on, and what is done there. */
export interface Trace {
  readonly header: Header;
  readonly operations: readonly Operation[];
}
