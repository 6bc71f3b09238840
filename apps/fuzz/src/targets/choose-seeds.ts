import type { FuzzTarget, TargetOptions } from "../target.ts";

/** Creates a target that notes what it reaches in these cells. */
export type CreateWith = (stateMap: NonNullable<TargetOptions["stateMap"]>) => FuzzTarget;

/**
 * Chooses, among candidates, those that reach state cells which nothing before them reached: the combinations that no
 * scene shows. Throws when an input breaks a rule.
 */
export function chooseSeeds(
  create: CreateWith,
  scenes: readonly Uint8Array[],
  candidates: readonly Uint8Array[],
): Uint8Array[] {
  let cells = new Uint8Array();
  const target = create((count) => (cells = new Uint8Array(count)));
  const reached = new Set<number>();
  const reachesNew = (input: Uint8Array): boolean => {
    cells.fill(0);
    const failure = target.run(input);
    if (failure !== null) throw new Error(`a seed breaks ${failure.rule}: ${failure.message}`);
    const before = reached.size;
    cells.forEach((hit, cell) => hit !== 0 && reached.add(cell));
    return reached.size > before;
  };
  const kept = [...scenes, ...candidates].filter(reachesNew);
  // What a later program reaches as well was kept for nothing: once more from the end.
  reached.clear();
  for (const scene of scenes) reachesNew(scene);
  return kept
    .toReversed()
    .filter((input) => !scenes.includes(input))
    .filter(reachesNew);
}
