/** Decides which attempts to get memory fail, so that a test can visit every error path. */
export class AllocationFailures {
  /** Attempts until one fails; Infinity for never. */
  private attemptsLeft = Infinity;
  private lasting = false;

  /** The n-th attempt from now fails, once; 1 is the next. Replaces the plan before. */
  failAt(n: number): void {
    if (!Number.isInteger(n) || n < 1) throw new RangeError(`there is no ${n}-th attempt`);
    this.attemptsLeft = n;
    this.lasting = false;
  }

  /** Every attempt fails, until told otherwise. */
  failAlways(): void {
    this.attemptsLeft = 1;
    this.lasting = true;
  }

  /** Nothing fails. */
  failNever(): void {
    this.attemptsLeft = Infinity;
    this.lasting = false;
  }

  /** A `failAt` has not failed anything yet, or `failAlways` is on. */
  isPending(): boolean {
    return this.attemptsLeft !== Infinity;
  }

  /** Asks, for one attempt, whether it is to fail. */
  claims(): boolean {
    if (this.lasting) return true;
    if (--this.attemptsLeft > 0) return false;
    this.attemptsLeft = Infinity;
    return true;
  }
}
