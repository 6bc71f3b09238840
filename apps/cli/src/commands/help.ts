/** `aspace help TOPIC`: help on a command, or one of the pages that belong to all of them. */
import type { Command } from "commander";
import { EXIT_STATUS_MEANINGS, ExitStatus } from "../exit-status.ts";
import { formatTable } from "../output/table.ts";
import { columnsOf, print } from "../output/terminal.ts";
import { badInput } from "../refusal.ts";

/** Pages that are not a command's. */
const TOPICS: Readonly<Record<string, () => string>> = { "exit-status": exitStatusPage };

export function describeHelp(program: Command): void {
  program
    .command("help")
    .argument("[topic]", `a command, or ${Object.keys(TOPICS).join(", ")}`)
    .summary("print help on a command or topic")
    .action((topic?: string) => {
      printHelp(program, topic);
      process.exitCode = ExitStatus.CLEAN;
    });
}

function printHelp(program: Command, topic: string | undefined): void {
  if (topic === undefined) return program.outputHelp();
  const page = TOPICS[topic];
  if (page !== undefined) return print(page());
  const command = program.commands.find((candidate) => candidate.name() === topic);
  if (command !== undefined) return command.outputHelp();
  const known = [...program.commands.map((candidate) => candidate.name()), ...Object.keys(TOPICS)];
  throw badInput(`no help on '${topic}'; there is: ${known.join(", ")}`);
}

function exitStatusPage(): string {
  const rows = EXIT_STATUS_MEANINGS.map(([status, meaning]) => [String(status), meaning]);
  return `Exit status:\n${formatTable(rows, { indent: 2, columns: columnsOf(process.stdout) })}`;
}
