/** Every house rule, one line each. */
import type { Rule } from "./rule.ts";
import { backendFiles } from "./rules/backend-files.ts";
import { bigintEdges } from "./rules/bigint-edges.ts";
import { determinism } from "./rules/determinism.ts";
import { fileLength } from "./rules/file-length.ts";
import { fileNames } from "./rules/file-names.ts";
import { functionLength } from "./rules/function-length.ts";
import { importDirections } from "./rules/import-directions.ts";
import { judgeAndJudged } from "./rules/judge-and-judged.ts";
import { machinePaths } from "./rules/machine-paths.ts";
import { markdownLinks } from "./rules/markdown-links.ts";
import { memberPages } from "./rules/member-pages.ts";
import { ruleCitations } from "./rules/rule-citations.ts";
import { suppressedChecks } from "./rules/suppressed-checks.ts";
import { unfinishedWork } from "./rules/unfinished-work.ts";

export const HOUSE_RULES: readonly Rule[] = [
  importDirections,
  judgeAndJudged,
  backendFiles,
  functionLength,
  fileLength,
  fileNames,
  determinism,
  bigintEdges,
  memberPages,
  ruleCitations,
  markdownLinks,
  unfinishedWork,
  suppressedChecks,
  machinePaths,
];
