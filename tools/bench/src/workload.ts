import type { World } from "./world.ts";

/** Our side of a row. A pass prepares once and then runs every slice, in order. */
export interface Workload {
  /** Not measured. */
  prepare(): void;
  /** One operation for each page of a slice. */
  runSlice(slice: number): void;
}

export type CreateWorkload = (world: World) => Workload;
