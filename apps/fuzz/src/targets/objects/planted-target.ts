import type { CreateTarget, SavedProgram } from "../../target.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { DEFECTS } from "./planted-defects.ts";

/** The target with a slip in the objects while it runs them: a campaign must find it (F-14). */
export const createPlantedTarget: CreateTarget = (options) => {
  const target = createObjectsTarget(options);
  return {
    name: target.name,
    decoderVersion: target.decoderVersion,
    get stats() {
      return target.stats;
    },
    run: (data) => planted(() => target.run(data)),
    replay: (trace) => planted(() => target.replay(trace)),
    open: (trace) => plantedProgram(target.open(trace)),
  };
};

/** The program, and all that is made of it, with the slip. */
function plantedProgram(program: SavedProgram): SavedProgram {
  return {
    length: program.length,
    key: program.key,
    run: () => planted(() => program.run()),
    without: (first, count) => plantedProgram(program.without(first, count)),
    *simpler() {
      for (const simpler of program.simpler()) yield plantedProgram(simpler);
    },
  };
}

function planted<T>(run: () => T): T {
  const takeBack = DEFECTS[0]!.plant();
  try {
    return run();
  } finally {
    takeBack();
  }
}
