/** What a house rule is, and how a breach of one reads. */
import type { Repository } from "./repository.ts";

export type Violation = {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
};

export type Rule = {
  /** Also the name of the rule's file. */
  readonly id: string;
  /** The rule as one sentence, for the test report. */
  readonly says: string;
  check(repository: Repository): Violation[];
};

/** `file:line rule message`, one line per breach, in the order of the tree. */
export function report(rule: Rule, repository: Repository): string[] {
  return rule.check(repository).map((v) => `${v.path}:${v.line} ${rule.id} ${v.message}`);
}
