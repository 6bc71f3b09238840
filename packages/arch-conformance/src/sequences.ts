import { EVERY_KIND, type Property } from "./property.ts";
import { runRandomOperations } from "./random-operations.ts";

const SEQUENCES_PER_RUN = 12;
const OPERATIONS_PER_SEQUENCE = 60;

/**
 * The promise above the list of properties: they also hold after random operations with random
 * allocation failures. A failure names the rule that broke.
 */
export const SEQUENCES: Property = {
  id: "P-ALL",
  title: "every rule holds after random operation sequences with random allocation failures",
  kinds: EVERY_KIND,
  run(context) {
    for (let i = 0; i < SEQUENCES_PER_RUN; i++) {
      const world = context.world();
      runRandomOperations(world, context.random, OPERATIONS_PER_SEQUENCE);
    }
  },
};
