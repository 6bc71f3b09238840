/**
 * The command table: every command, flag and example once. Help, suggestions for typos and the
 * checks of flags all come from these objects. What a command does is imported when it runs.
 */
import { Command, Option } from "commander";
import { nameList, moreNames, wholeNumber } from "./flag-values.ts";
import { describeHelp } from "./commands/help.ts";
import type { BackendsFlags } from "./commands/backends.ts";
import type { ConformFlags } from "./commands/conform.ts";
import type { DoctorFlags } from "./commands/doctor.ts";
import type { FuzzFlags } from "./commands/fuzz.ts";
import type { MinimizeFlags } from "./commands/minimize.ts";
import type { ReplayFlags } from "./commands/replay.ts";
import type { RunFlags } from "./commands/run.ts";
import { commandLine } from "./invocation.ts";
import { version } from "./version.ts";

const SEED = wholeNumber({ min: 1, max: 2 ** 31 - 1 });
const A_MONTH = 31 * 24 * 3600;

/** The `aspace` command. Each action leaves its exit status in `process.exitCode`. */
export function createProgram(): Command {
  const program = new Command("aspace")
    .description(
      "An executable model of a kernel's virtual memory, and the tools that try to break it.",
    )
    .usage("COMMAND [options]")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .option("--debug", "with an internal error, print the stack")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) });
  examples(program, [
    ["fuzz", "arch", "--time", "60"],
    ["conform", "--arch", "arm64"],
    ["run", "packages/trace/traces/one-store.jsonl", "--arch", "arm64"],
    ["doctor"],
  ]);
  describeRun(program);
  describeFuzz(program);
  describeReplay(program);
  describeMinimize(program);
  describeConform(program);
  describeBackends(program);
  describeDoctor(program);
  describeHelp(program);
  return program;
}

function describeRun(program: Command): void {
  const command = program
    .command("run")
    .argument("<file>", "a trace, JSON Lines; - is standard input")
    .summary("play a trace: operations of a kernel's virtual memory")
    .description(
      "Plays the operations of a trace on a kernel of its own and prints each with what it did. Exit " +
        "status 1 at the first that did not do what the trace expects, with its line, what was " +
        "expected and what was seen.",
    )
    .requiredOption("--arch <name>", "the backend to play it on; `backends` lists them")
    .option("--until <number>", "stop after this operation", wholeNumber({ min: 1, max: 1e9 }))
    .addOption(
      new Option("--fault-mode <mode>", "how faults treat entries, instead of the trace's").choices(
        ["upgrade", "legacy"],
      ),
    )
    .option("--quirk <id>", "switch a known hazard on, beside the trace's; repeatable", moreNames)
    .option("--validate", "check every structure after each operation")
    .option("--json", "print the result as one JSON document")
    .action(async (file: string, flags: RunFlags) => {
      const { run } = await import("./commands/run.ts");
      process.exitCode = run(file, flags);
    });
  examples(command, [
    ["run", "packages/trace/traces/one-store.jsonl", "--arch", "arm64"],
    ["run", "trace.jsonl", "--arch", "x86-64", "--until", "10", "--validate"],
    ["run", "packages/trace/traces/t8-quirk-probes.jsonl", "--arch", "arm64", "--quirk", "Q-1"],
    ["run", "-", "--arch", "x86-64", "--json"],
  ]);
}

function describeFuzz(program: Command): void {
  const command = program
    .command("fuzz")
    .argument(
      "<target>",
      "what to fuzz: arch (page tables), objects (memory objects) or regions (mappings, faults, CPUs)",
    )
    .summary("search for inputs that break a rule")
    .description(
      "Runs a coverage-guided campaign: operations on several backends at once, on memory objects, or on " +
        "a whole kernel for each backend, every rule checked after each. Findings, corpus and a report stay in the output folder.",
    )
    .option("--arch <names>", "architectures, with commas (default: x86-64,arm64)", nameList)
    .option(
      "--time <seconds>",
      "stop after this time (default: 60)",
      wholeNumber({ min: 1, max: A_MONTH }),
    )
    .addOption(
      new Option(
        "--runs <number>",
        "stop after this many runs; repeatable with one worker and a seed",
      )
        .argParser(wholeNumber({ min: 1, max: 1e12 }))
        .conflicts("time"),
    )
    .option("--seed <number>", "seed of all chance (default: a new one)", SEED)
    .option(
      "--workers <number>",
      "engine processes (default: one less than processors)",
      wholeNumber({ min: 1, max: 256 }),
    )
    .option("--out <folder>", "where findings, corpus and report go (default: fuzz-out)")
    .option("--corpus <folder>", "inputs to start from (default: the target's own)")
    .option("--quirk <id>", "switch a known hazard on; repeatable", moreNames)
    .option("--first-finding", "stop at the first finding")
    .option("--json", "print the result as one JSON document")
    .action(async (target: string, flags: FuzzFlags) => {
      const { fuzz } = await import("./commands/fuzz.ts");
      process.exitCode = await fuzz(target, flags);
    });
  examples(command, [
    ["fuzz", "arch", "--time", "60"],
    ["fuzz", "arch", "--arch", "arm64", "--runs", "20000", "--seed", "1", "--json"],
    ["fuzz", "arch", "--quirk", "H5"],
    ["fuzz", "objects", "--time", "60"],
  ]);
}

function describeReplay(program: Command): void {
  const command = program
    .command("replay")
    .argument("<path>", "a finding's folder, a trace file, or a folder of either")
    .summary("run saved findings again")
    .description(
      "Runs the operations of saved findings again, without the engine, and prints each with its " +
        "status and the first check that failed. Exit status 1 if one still fails, 0 if none does.",
    )
    .option("--json", "print the result as one JSON document")
    .action(async (path: string, flags: ReplayFlags) => {
      const { replay } = await import("./commands/replay.ts");
      process.exitCode = await replay(path, flags);
    });
  examples(command, [
    ["replay", "fuzz-out/findings"],
    ["replay", "trace.jsonl"],
  ]);
}

function describeMinimize(program: Command): void {
  const command = program
    .command("minimize")
    .argument("<path>", "a finding's folder, a trace file, or a folder of either")
    .summary("leave out what a finding does not need")
    .description(
      "Drops and simplifies operations of saved findings as long as the same rule breaks in the same " +
        "way, twice in a row. The result is minimized.jsonl in a finding's folder, or a file beside a " +
        "trace: TRACE.minimized.jsonl. A smaller one that is there already stays. Ctrl-C keeps the " +
        "smallest so far. Exit status 1 if one still fails, 0 if none does.",
    )
    .option(
      "--runs <number>",
      "give up after this many runs for each (default: 5000)",
      wholeNumber({ min: 1, max: 1e9 }),
    )
    .option("--json", "print the result as one JSON document")
    .action(async (path: string, flags: MinimizeFlags) => {
      const { minimize } = await import("./commands/minimize.ts");
      process.exitCode = await minimize(path, flags);
    });
  examples(command, [
    ["minimize", "fuzz-out/findings"],
    ["minimize", "trace.jsonl", "--runs", "20000"],
  ]);
}

function describeConform(program: Command): void {
  const command = program
    .command("conform")
    .summary("hold a backend to every property of the contract")
    .description(
      "Runs the conformance suite on one backend. Each property passes, fails, or does not apply " +
        "because of a capability that the backend says it has or lacks.",
    )
    .option("--arch <name>", "a registered backend; `backends` lists them")
    .addOption(
      new Option(
        "--backend <file>",
        "a module from anywhere; its default export is an Architecture",
      ).conflicts("arch"),
    )
    .option("--quirk <id>", "switch a known hazard on; repeatable", moreNames)
    .addOption(
      new Option("--kind <kind>", "only this kind of aspace").choices(["user", "kernel", "guest"]),
    )
    .option("--property <id>", "only this property; repeatable", moreNames)
    .option("--seed <number>", "seed of all chance (default: 1)", SEED)
    .option("--list", "print the backend's properties and quirks instead")
    .option("--json", "print the result as one JSON document")
    .action(async (flags: ConformFlags) => {
      const { conform } = await import("./commands/conform.ts");
      process.exitCode = await conform(flags);
    });
  examples(command, [
    ["conform", "--arch", "arm64"],
    ["conform", "--arch", "x86-64", "--quirk", "H5", "--json"],
    ["conform", "--backend", "./my-backend.mjs"],
  ]);
}

function describeBackends(program: Command): void {
  const command = program
    .command("backends")
    .summary("list the registered backends")
    .description("Prints each registered backend with its kinds of aspace and what they can do.")
    .option("--json", "print the result as one JSON document")
    .action(async (flags: BackendsFlags) => {
      const { backends } = await import("./commands/backends.ts");
      process.exitCode = await backends(flags);
    });
  examples(command, [["backends"]]);
}

function describeDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .summary("see what is here, what is missing and how to get it")
    .description(
      "Looks for everything that some command needs. Exit status 3 if fuzzing cannot run.",
    )
    .option("--json", "print the result as one JSON document")
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import("./commands/doctor.ts");
      process.exitCode = await doctor(flags);
    });
  examples(command, [["doctor"]]);
}

/** Examples come first: most people need nothing else. */
function examples(command: Command, lines: readonly (readonly string[])[]): void {
  const text = lines.map((line) => `  ${commandLine(...line)}\n`).join("");
  command.addHelpText("before", `Examples:\n${text}`);
}

/** An error of commander's as one line that begins like all of ours. */
function oneLine(text: string): string {
  return `aspace: ${text
    .trim()
    .replace(/^error: /, "")
    .replaceAll(/\s*\n\s*/g, " ")}\n`;
}
