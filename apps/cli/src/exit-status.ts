/** What the command's exit status means. Scripts depend on it: a number here never changes its meaning. */
export const ExitStatus = {
  CLEAN: 0,
  FINDINGS: 1,
  USAGE: 2,
  CANNOT_RUN: 3,
  INTERNAL: 70,
  INTERRUPTED: 130,
} as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** In words, for `aspace help exit-status`. */
export const EXIT_STATUS_MEANINGS: readonly (readonly [ExitStatus, string])[] = [
  [ExitStatus.CLEAN, "clean: everything asked for was done, and nothing was found"],
  [ExitStatus.FINDINGS, "findings: a rule was seen broken, or a property failed"],
  [ExitStatus.USAGE, "bad usage or input: an unknown flag, an unreadable file"],
  [ExitStatus.CANNOT_RUN, "cannot run here: something is missing; `aspace doctor` says what"],
  [ExitStatus.INTERNAL, "internal error: a defect of aspace itself"],
  [ExitStatus.INTERRUPTED, "interrupted: stopped by Ctrl-C; everything found so far is kept"],
];
