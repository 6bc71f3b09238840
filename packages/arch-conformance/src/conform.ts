import { type Architecture, type AspaceKind } from "@aspace/arch";
import { PropertyFailure } from "./check.ts";
import { differential } from "./differential.ts";
import { PROPERTIES } from "./properties.ts";
import { EVERY_KIND, type Property } from "./property.ts";
import { Random } from "./random.ts";
import { World } from "./world.ts";

export interface ConformOptions {
  /** Ids of the architecture's quirks to switch on. */
  readonly quirks?: ReadonlySet<string>;
  /** Kinds of aspace to check; all by default. */
  readonly kinds?: readonly AspaceKind[];
  /** Ids of properties to check; all by default. */
  readonly properties?: ReadonlySet<string>;
  /** For what is drawn at random. */
  readonly seed?: number;
  /** Other backends, for P-X1. */
  readonly others?: readonly Architecture[];
  /** Told each result as it comes. */
  readonly onResult?: (result: PropertyResult) => void;
}

/** What became of one property on one kind of aspace. */
export type PropertyResult = PropertyIdentity & PropertyOutcome;

interface PropertyIdentity {
  readonly id: string;
  readonly title: string;
  readonly kind: AspaceKind;
}

export type PropertyOutcome =
  | { readonly outcome: "passed" }
  | { readonly outcome: "not-applicable"; readonly reason: string }
  | {
      readonly outcome: "failed";
      /** The rule that was seen broken: often the property itself. */
      readonly rule: string;
      /** What was expected and what was seen. */
      readonly message: string;
      /** The operations up to the failure, latest last. */
      readonly trace: readonly string[];
    };

export interface ConformanceReport {
  readonly architecture: string;
  readonly seed: number;
  readonly quirks: readonly string[];
  readonly passed: number;
  readonly failed: number;
  readonly notApplicable: number;
  readonly results: readonly PropertyResult[];
}

const DEFAULT_SEED = 1;

/** Operations that a failure shows. */
const TRACE_LINES = 40;

/**
 * Runs the suite on a backend. Never throws: whatever a backend throws is a failed property. The same
 * backend, options and seed give the same report.
 */
export function conform(
  architecture: Architecture,
  options: ConformOptions = {},
): ConformanceReport {
  const { kinds = EVERY_KIND, seed = DEFAULT_SEED, quirks = new Set(), properties } = options;
  const results: PropertyResult[] = [];
  for (const property of [...PROPERTIES, differentialProperty(options)]) {
    if (properties !== undefined && !properties.has(property.id)) continue;
    for (const kind of property.kinds.filter((candidate) => kinds.includes(candidate))) {
      const outcome = judge(property, { architecture, kind, quirks, seed });
      const result = { id: property.id, title: property.title, kind, ...outcome };
      results.push(result);
      options.onResult?.(result);
    }
  }
  const count = (outcome: PropertyOutcome["outcome"]): number =>
    results.filter((result) => result.outcome === outcome).length;
  return {
    architecture: architecture.name,
    seed,
    quirks: [...quirks].toSorted(),
    passed: count("passed"),
    failed: count("failed"),
    notApplicable: count("not-applicable"),
    results,
  };
}

interface Case {
  readonly architecture: Architecture;
  readonly kind: AspaceKind;
  readonly quirks: ReadonlySet<string>;
  readonly seed: number;
}

function judge(property: Property, { architecture, kind, quirks, seed }: Case): PropertyOutcome {
  const trace: string[] = [];
  try {
    const { capabilities } = architecture.aspaces[kind];
    const reason = property.excludedBy?.(capabilities, kind) ?? null;
    if (reason !== null) return { outcome: "not-applicable", reason };
    property.run({
      architecture,
      kind,
      quirks,
      capabilities,
      seed,
      random: new Random(seed),
      world: ({ tagLimit = architecture.tagLimit } = {}) => {
        trace.length = 0;
        return new World({ architecture, kind, quirks, tagLimit, trace });
      },
    });
    return { outcome: "passed" };
  } catch (error) {
    return { outcome: "failed", ...explain(error, property), trace: trace.slice(-TRACE_LINES) };
  }
}

/** A failure in words, whatever was thrown. */
function explain(error: unknown, property: Property): { rule: string; message: string } {
  if (error instanceof PropertyFailure) {
    return { rule: error.rule ?? property.id, message: error.message };
  }
  if (!(error instanceof Error)) return { rule: property.id, message: `threw ${String(error)}` };
  if (error.name === "KernelPanic" && "rule" in error && typeof error.rule === "string") {
    return { rule: error.rule, message: error.message };
  }
  return { rule: property.id, message: error.stack ?? `${error.name}: ${error.message}` };
}

/** P-X1 needs others to compare with. */
function differentialProperty({ others = [] }: ConformOptions): Property {
  return {
    id: "P-X1",
    title: "the same script has the same statuses and answers on every backend",
    kinds: EVERY_KIND,
    excludedBy: () => (others.length > 0 ? null : "no other backend to compare with"),
    run: ({ architecture, kind, quirks, seed }) => {
      const first = { architecture, quirks };
      const rest = others.map((other) => ({ architecture: other, quirks: new Set<string>() }));
      differential([first, ...rest], kind, seed);
    },
  };
}
