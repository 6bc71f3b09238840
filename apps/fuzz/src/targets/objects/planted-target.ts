import type { CreateTarget } from "../../target.ts";
import { createObjectsTarget } from "./objects-target.ts";
import { DEFECTS } from "./planted-defects.ts";

/** The target with a slip in the objects while it runs them: a campaign must find it (F-14). */
export const createPlantedTarget: CreateTarget = (options) => {
  const target = createObjectsTarget(options);
  const planted = <T>(run: () => T): T => {
    const takeBack = DEFECTS[0]!.plant();
    try {
      return run();
    } finally {
      takeBack();
    }
  };
  return {
    name: target.name,
    decoderVersion: target.decoderVersion,
    get stats() {
      return target.stats;
    },
    run: (data) => planted(() => target.run(data)),
    replay: (trace) => planted(() => target.replay(trace)),
  };
};
