/** `aspace conform`: every property of the contract on one backend. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { AspaceKind } from "@aspace/arch";
import { architectureNamed } from "../architecture-names.ts";
import type { PropertyResult } from "@aspace/arch-conformance";
import type { Request, Subject } from "../conform/message.ts";
import { superviseSuite, type SuiteOutcome } from "../conform/supervised-suite.ts";
import { ExitStatus } from "../exit-status.ts";
import { commandLine } from "../invocation.ts";
import { catalogText, conformanceReport } from "../output/conformance-report.ts";
import { progressLine } from "../output/progress-line.ts";
import { print, printJson } from "../output/terminal.ts";
import { badInput } from "../refusal.ts";

export interface ConformFlags {
  readonly arch?: string;
  readonly backend?: string;
  readonly quirk?: readonly string[];
  readonly kind?: AspaceKind;
  readonly property?: readonly string[];
  readonly seed?: number;
  readonly list?: true;
  readonly json?: true;
}

export async function conform(flags: ConformFlags): Promise<ExitStatus> {
  const request = requestFrom(flags);
  const outcome = await watchedSuite(request);
  if (flags.json) printJson(documentOf(request, outcome));
  else if (flags.list) print(catalogText(outcome.catalog));
  else {
    const rerun = (result: PropertyResult): string => rerunCommand(flags, request.seed, result);
    print(conformanceReport(outcome, { kinds: request.kinds, rerun }));
  }
  const hasFailed = outcome.results.some((result) => result.outcome === "failed");
  return hasFailed ? ExitStatus.FINDINGS : ExitStatus.CLEAN;
}

async function watchedSuite(request: Request): Promise<SuiteOutcome> {
  const line = progressLine();
  try {
    return await superviseSuite(request, ({ case: { id, kind }, finished, total }) => {
      line.update(`${id} on ${kind} (${finished + 1} of ${total})`);
    });
  } finally {
    line.end();
  }
}

function requestFrom(flags: ConformFlags): Request {
  return {
    subject: subjectFrom(flags),
    quirks: flags.quirk ?? [],
    properties: flags.property ?? [],
    kinds: flags.kind === undefined ? ["user", "kernel", "guest"] : [flags.kind],
    seed: flags.seed ?? 1,
    job: flags.list ? "list" : "run",
  };
}

function subjectFrom({ arch, backend }: ConformFlags): Subject {
  if (backend !== undefined) {
    const file = resolve(backend);
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile()) throw badInput(`--backend ${backend}: there is no such file`);
    return { kind: "module", url: pathToFileURL(file).href, path: backend };
  }
  if (arch !== undefined) return { kind: "registered", name: architectureNamed(arch).name };
  const names = commandLine("backends");
  throw badInput(`give --arch NAME or --backend FILE; \`${names}\` lists the names`);
}

function documentOf(request: Request, { catalog, results, isComplete }: SuiteOutcome): object {
  const { name, title, cases, quirks, quirksOn } = catalog;
  const head = { schemaVersion: 1, arch: name, title };
  if (request.job === "list") return { ...head, properties: cases, quirks };
  const number = (wanted: PropertyResult["outcome"]): number =>
    results.filter(({ outcome }) => outcome === wanted).length;
  return {
    ...head,
    seed: request.seed,
    quirks: quirksOn,
    passed: number("passed"),
    failed: number("failed"),
    notApplicable: number("not-applicable"),
    complete: isComplete,
    results,
  };
}

function rerunCommand(flags: ConformFlags, seed: number, result: PropertyResult): string {
  const subject =
    flags.backend === undefined ? ["--arch", flags.arch!] : ["--backend", flags.backend];
  const quirks = (flags.quirk ?? []).flatMap((quirk) => ["--quirk", quirk]);
  const property = ["--property", result.id, "--kind", result.kind];
  return commandLine("conform", ...subject, ...quirks, ...property, "--seed", String(seed));
}
