/**
 * A seeded generator of integers (a 32-bit xorshift; Marsaglia 2003, shifts 13, 17, 5). No floats
 * leave it, so the same seed draws the same everywhere.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    // A xorshift state is never 0; the multiplication spreads seeds that differ in few bits.
    this.#state = Math.imul(seed | 0, 0x9e3779b1) || 0x6d2b79f5;
    for (let warmUp = 0; warmUp < 4; warmUp++) this.next();
  }

  /** A number in 0 .. 2^32 - 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** A number in 0 .. limit - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** True `hits` times out of `of`. */
  ratio(hits: number, of: number): boolean {
    return this.below(of) < hits;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }
}
