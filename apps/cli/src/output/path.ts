import { isAbsolute, relative } from "node:path";

/** A path as the user would type it: relative unless that leads outside the current folder. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path);
  if (short === "") return ".";
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}
