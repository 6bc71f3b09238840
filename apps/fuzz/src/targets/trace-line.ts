import * as v from "valibot";
import { UnreadableTrace } from "../target.ts";

/** Reads one line of a trace; what is no JSON, or not as the schema says, is refused with line and field (F-17). */
export function parseLine<S extends v.GenericSchema>(
  schema: S,
  lines: readonly string[],
  index: number,
): v.InferOutput<S> {
  const number = index + 1;
  let value: unknown;
  try {
    value = JSON.parse(lines[index]!);
  } catch {
    throw new UnreadableTrace(`line ${number}: not JSON`);
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? "line";
  throw new UnreadableTrace(`line ${number}: ${field}: ${issue.message}`);
}
