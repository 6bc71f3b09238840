/**
 * The coverage counters that instrumented modules register, by package.
 *
 * The engine zeroes all counters before each run and looks at them after it. What this process has
 * covered so far is therefore kept beside them, one byte per edge, merged in after every run.
 */

/** A package whose code is judged: instrumented, and required to have counters (F-27). */
export interface PackageUnderTest {
  readonly name: string;
  /** Absolute path of the folder with its sources, with a slash at the end. */
  readonly folder: string;
}

/** Edges seen for the first time: indices by module, the module relative to its package's folder. */
export type NewEdges = Record<string, number[]>;

interface Module {
  /** `PACKAGE/FILE`, stable across machines. */
  readonly name: string;
  readonly counters: Uint32Array;
  /** Bytes of this run and all before, or-ed. Invariant: same length as `counters`. */
  readonly seen: Uint32Array;
  readonly reported: Uint8Array;
  readonly edges: number;
}

export class ModuleCounters {
  readonly #packages: readonly PackageUnderTest[];
  readonly #modules: Module[] = [];
  readonly #edgesByPackage: Map<string, number>;

  constructor(packages: readonly PackageUnderTest[]) {
    this.#packages = packages;
    this.#edgesByPackage = new Map(packages.map(({ name }) => [name, 0]));
  }

  /**
   * Makes counters for one module through `create`, the engine's own allocator, asking it for a
   * multiple of four so that they can be merged a word at a time.
   */
  register(file: string, edges: number, create: (size: number) => Uint8Array): Uint8Array {
    const buffer = create(roundUpToWord(edges));
    const owner = this.#packages.find(({ folder }) => file.startsWith(folder));
    if (owner === undefined) return buffer;

    const counters = new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4);
    const seen = new Uint32Array(counters.length);
    const name = `${owner.name}/${file.slice(owner.folder.length)}`;
    this.#modules.push({ name, counters, seen, reported: new Uint8Array(buffer.length), edges });
    this.#edgesByPackage.set(owner.name, this.#edgesByPackage.get(owner.name)! + edges);
    return buffer;
  }

  /** Number of edges that exist in each package under test, zero included. */
  edgesByPackage(): Record<string, number> {
    return Object.fromEntries(this.#edgesByPackage);
  }

  /** Packages under test that the engine cannot see (F-27). */
  packagesWithoutCounters(): string[] {
    return [...this.#edgesByPackage].filter(([, edges]) => edges === 0).map(([name]) => name);
  }

  /** To be called at the end of each run. A few hundred nanoseconds for a thousand edges. */
  mergeRun(): void {
    for (const { counters, seen } of this.#modules) {
      for (let word = 0; word < counters.length; word++) seen[word]! |= counters[word]!;
    }
  }

  /** Edges covered since the last call. */
  takeNewEdges(): NewEdges {
    const found: NewEdges = {};
    for (const { name, seen, reported, edges } of this.#modules) {
      const bytes = new Uint8Array(seen.buffer);
      for (let edge = 0; edge < edges; edge++) {
        if (bytes[edge] === 0 || reported[edge] === 1) continue;
        reported[edge] = 1;
        (found[name] ??= []).push(edge);
      }
    }
    return found;
  }
}

function roundUpToWord(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
