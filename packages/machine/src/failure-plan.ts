/** Decides which allocations fail, so that a test can visit every error path. */
export class FailurePlan {
  /** Attempts until one fails; Infinity for never. */
  private countdown = Infinity;
  private permanent = false;

  /** The n-th attempt from now fails, once; 1 is the next. Replaces the plan before. */
  failAt(n: number): void {
    if (!Number.isInteger(n) || n < 1) throw new RangeError(`there is no ${n}-th attempt`);
    this.countdown = n;
    this.permanent = false;
  }

  /** Every attempt fails, until told otherwise. */
  failAlways(): void {
    this.countdown = 1;
    this.permanent = true;
  }

  /** Nothing fails. */
  failNever(): void {
    this.countdown = Infinity;
    this.permanent = false;
  }

  /** A `failAt` has not failed anything yet, or `failAlways` is on. */
  isPending(): boolean {
    return this.countdown !== Infinity;
  }

  /** Asks, for one attempt, whether it is to fail. */
  claims(): boolean {
    if (this.permanent) return true;
    if (--this.countdown > 0) return false;
    this.countdown = Infinity;
    return true;
  }
}
