import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SLICE_PAGES } from "./window.ts";
import type { Workload } from "./workload.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const usedBytes = (): number => getHeapStatistics().used_heap_size;

/**
 * Bytes that a workload allocates per page, from the growth of the heap over one slice right after a
 * collection; half a byte is below what can be told apart. The slice is short enough not to be
 * collected itself, and reading the statistics allocates too, which is why that is subtracted.
 */
export function bytesPerPage(workload: Workload): number {
  workload.prepare();
  collectGarbage();
  const start = usedBytes();
  const before = usedBytes();
  workload.runSlice(0);
  const after = usedBytes();
  const grown = after - before - (before - start);
  return Math.max(0, Math.round((2 * grown) / SLICE_PAGES) / 2);
}
