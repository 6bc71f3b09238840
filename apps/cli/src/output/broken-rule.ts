import { onArchitectures } from "./architectures.ts";

/** A broken rule in a title and a line that says what was seen. */
interface BrokenRule {
  readonly rule: string;
  readonly operation: string;
  readonly arch: string;
  readonly message: string;
}

export function titleOf({ rule, operation, arch }: BrokenRule): string {
  return `${rule} broken by ${operation}${onArchitectures(arch === "" ? [] : [arch])}`;
}

/** Many messages begin with their rule, which the title has said. */
export function detailOf({ rule, message }: BrokenRule): string {
  return message.startsWith(`${rule}: `) ? message.slice(rule.length + 2) : message;
}
