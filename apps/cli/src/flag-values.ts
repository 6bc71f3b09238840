/** What the values of flags must look like. Commander puts the flag's name before each message. */
import { InvalidArgumentError } from "commander";

export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** A whole number, decimal or 0x…, with underscores where they help: 1_000_000. */
export function wholeNumber({ min, max }: NumberRange): (text: string) => number {
  return (text) => {
    const digits = text.replaceAll(/(?<=[\da-f])_(?=[\da-f])/gi, "");
    const value = /^(?:\d+|0x[\da-f]+)$/i.test(digits) ? Number(digits) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}

/** Names with commas between them, each once. */
export function nameList(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("Expected names, separated by commas.");
  return [...new Set(names)];
}

/** For a flag that may be given more than once: adds its names to those before. */
export function moreNames(text: string, before: readonly string[] = []): string[] {
  return [...new Set([...before, ...nameList(text)])];
}
