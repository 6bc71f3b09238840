/** Largest limit that `below` draws for: the pages of a 64-bit address space. */
const MAX_LIMIT = 2 ** 52;

/**
 * Seeded chance in integers (xoshiro128++; Blackman and Vigna 2019): the same seed draws the same numbers everywhere.
 * Good enough to scatter regions, useless against an attacker.
 */
export class Prng {
  private readonly state: Int32Array = new Int32Array(4);

  constructor(seed: number) {
    this.reseed(seed);
  }

  /** Starts again, as if new. */
  reseed(seed: number): void {
    // The state must not be all zeroes and should differ much for seeds that differ little: a counter, well mixed.
    for (let word = 0; word < 4; word++) {
      let mixed = (seed + Math.imul(word + 1, 0x9e3779b9)) | 0;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      this.state[word] = mixed ^ (mixed >>> 15);
    }
  }

  /** A number in [0, 2^32). */
  next(): number {
    const { state } = this;
    const [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
    const drawn = (rotateLeft((a + d) | 0, 7) + a) >>> 0;
    const e = c ^ a;
    const f = d ^ b;
    state[0] = a ^ f;
    state[1] = b ^ e;
    state[2] = e ^ (b << 9);
    state[3] = rotateLeft(f, 11);
    return drawn;
  }

  /** A number in [0, limit), each as likely as any other. The limit is a positive integer, at most 2^52. */
  below(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      throw new RangeError(`nothing can be drawn below ${limit}`);
    }
    // As many bits as the limit has, drawn again until they are below it: fewer than two draws on average.
    const high = Math.floor((limit - 1) / 2 ** 32);
    const highMask = maskOver(high);
    const lowMask = high === 0 ? maskOver((limit - 1) | 0) : -1;
    for (;;) {
      const upper = high === 0 ? 0 : (this.next() & highMask) * 2 ** 32;
      const drawn = upper + ((this.next() & lowMask) >>> 0);
      if (drawn < limit) return drawn;
    }
  }
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** The smallest mask of ones from bit 0 that covers a 32-bit word. */
function maskOver(word: number): number {
  const zeroes = Math.clz32(word);
  return zeroes === 32 ? 0 : -1 >>> zeroes;
}
