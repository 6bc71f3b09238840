/**
 * Situations worth reaching (F-13). Each is counted when it happens; a campaign lists those that
 * stayed at zero, because silence about a situation nobody reached is not evidence.
 */
export const SITUATIONS = [
  "a map met a mapped page",
  "a map ran out of memory",
  "an upgrade replaced a frame",
  "an upgrade split a large leaf",
  "a 2 MiB leaf was mapped",
  "a 1 GiB leaf was mapped",
  "an unmap split a large leaf",
  "an unmap lost pages outside its range",
  "a split was refused for break-before-make",
  "a split ran out of memory",
  "a protect split a large leaf",
  "a protect removed a permission",
  "a frame was written twice",
  "an access fault was resolved by markAccessed",
  "an access was denied",
  "a touched page was harvested",
  "FreeUnaccessed dropped mappings",
  "a touched table survived FreeUnaccessed",
  "an aspace was destroyed and made again",
  "an init ran out of memory",
  "another CPU ran in the middle of an edit",
  "a neighbour of a splitting leaf was touched",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export class SituationCounts {
  readonly counts: Record<Situation, number>;

  constructor() {
    this.counts = Object.fromEntries(SITUATIONS.map((name) => [name, 0])) as Record<
      Situation,
      number
    >;
  }

  note(situation: Situation): void {
    this.counts[situation]++;
  }
}
