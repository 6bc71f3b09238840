/**
 * Which values of a field are simpler than the one it has, simplest first. Each is strictly nearer to the simplest
 * value, so that simplifying comes to an end.
 */
export type SimplerValues = (value: unknown) => readonly unknown[];

/** The values in this order; one that is not among them is less simple than all. */
export function inOrder(...values: readonly unknown[]): SimplerValues {
  return (value) => {
    const place = values.indexOf(value);
    return place < 0 ? values : values.slice(0, place);
  };
}

/** Whole steps down: all the way to `least`, half of it, a quarter, ..., one step. */
export function downTo(least: number, step: number = 1): SimplerValues {
  return (value) => {
    if (typeof value !== "number") return [];
    const simpler: number[] = [];
    for (let steps = Math.floor((value - least) / step); steps > 0; steps = Math.floor(steps / 2)) {
      simpler.push(value - steps * step);
    }
    return simpler;
  };
}
