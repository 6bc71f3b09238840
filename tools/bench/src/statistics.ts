/** The middle value, or the mean of the middle two. Of nothing: a mistake of ours. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  if (low === undefined || high === undefined) throw new RangeError("the median of no values");
  return (low + high) / 2;
}

/** Beyond this the host changed speed during a round. */
const LARGEST_DIFFERENCE = 0.2;

/** Whether two readings of the same thing differ by at most a fifth of the smaller. */
export function agree(left: number, right: number): boolean {
  return Math.abs(left - right) <= LARGEST_DIFFERENCE * Math.min(left, right);
}
