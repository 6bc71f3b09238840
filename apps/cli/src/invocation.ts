/**
 * How the user starts this command, so that every line we print for copying works where it is read.
 * In a clone there is no `aspace` on the PATH; npm leaves the name of the script it ran.
 */
const WORKSPACE = "aspace-workspace";

export function commandLine(...args: readonly string[]): string {
  const isScript = process.env["npm_package_name"] === WORKSPACE;
  return [isScript ? "npm run -s aspace --" : "aspace", ...args.map(shellWord)].join(" ");
}

/** A word as a POSIX shell must see it. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
