/**
 * Lets the fuzz engine's addon load where glibc is older than the one it was linked against.
 *
 * Installed before the engine is imported, it stands in front of `process.dlopen`. The original
 * loader always goes first, so a system that can load the addon never gets any further. Only the
 * loader's complaint about one of two version names leads to an adapted copy, which is kept in a
 * private folder of the user's cache. `node_modules` is never written: with pnpm its files are
 * hard links into a store that other projects share.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { adaptAddon } from "./addon-adaptation.ts";

type Dlopen = typeof process.dlopen;

/** How the engine's addon came into this process. */
export type AddonLoad =
  | { readonly kind: "native"; readonly file: string }
  | { readonly kind: "adapted"; readonly file: string; readonly copy: string };

export interface LoaderSurroundings {
  readonly dlopen: Dlopen;
  readonly platform: string;
  readonly cpu: string;
  /** Folder that holds the adapted copies; asked for only when one is needed. */
  readonly cacheFolder: () => string;
  readonly loaded: (load: AddonLoad) => void;
}

const MISSING_VERSION = /version `(GLIBC_2\.38|GLIBCXX_3\.4\.32)' not found/;

/** Puts the adaptation in front of `process.dlopen` for the rest of this process. */
export function installGlibcAdaptation(loaded: (load: AddonLoad) => void): void {
  process.dlopen = adaptingDlopen({
    dlopen: process.dlopen.bind(process),
    platform: process.platform,
    cpu: process.arch,
    cacheFolder: privateCacheFolder,
    loaded,
  });
}

/** The stand-in for `process.dlopen`, with everything it depends on handed in. */
export function adaptingDlopen(around: LoaderSurroundings): Dlopen {
  return (module, file, ...flags) => {
    try {
      around.dlopen(module, file, ...flags);
      around.loaded({ kind: "native", file });
    } catch (error) {
      if (!isMissingVersion(error, around)) throw error;
      const copy = adaptedCopy(file, around.cacheFolder());
      around.dlopen(module, copy, ...flags);
      around.loaded({ kind: "adapted", file, copy });
    }
  };
}

function isMissingVersion(error: unknown, around: LoaderSurroundings): boolean {
  if (around.platform !== "linux" || around.cpu !== "x64") return false;
  return error instanceof Error && MISSING_VERSION.test(error.message);
}

/**
 * Path of the adapted copy of `file` in `folder`, made now if it is not there. A copy that is not
 * byte for byte what the source gives (a killed writer, a full disk) is made again.
 */
export function adaptedCopy(file: string, folder: string): string {
  const source = readFileSync(file);
  const adapted = adaptAddon(source);
  const name = createHash("sha256").update(source).digest("hex");
  const copy = join(folder, `${name}.node`);
  if (holds(copy, adapted)) return copy;

  const temporary = `${copy}.${randomUUID()}.tmp`;
  try {
    writeFileSync(temporary, adapted, { mode: 0o700, flag: "wx" });
    renameSync(temporary, copy);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return copy;
}

function holds(file: string, content: Uint8Array): boolean {
  try {
    return readFileSync(file).equals(content);
  } catch {
    return false;
  }
}

/**
 * The folder for adapted copies: in the user's cache, or, when the home cannot be written, in the
 * system's temporary folder. Only its owner can read it: whoever could write there could run code
 * in our process. Throws when neither can be had.
 */
export function privateCacheFolder(): string {
  // The XDG base directory specification asks to ignore a relative path.
  const xdg = process.env["XDG_CACHE_HOME"];
  const cache = xdg?.startsWith("/") ? xdg : join(homedir(), ".cache");
  const folders = [join(cache, "aspace", "engine"), join(tmpdir(), `aspace-engine-${userId()}`)];
  const folder = folders.find(becomesPrivate);
  if (folder === undefined) throw new Error(`no private folder at ${folders.join(" or ")}`);
  return folder;
}

/** Makes `folder` if needed; false when it cannot be made, or is a link or somebody else's. */
function becomesPrivate(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (!found.isDirectory() || found.uid !== userId()) return false;
    chmodSync(folder, 0o700);
    return true;
  } catch {
    return false;
  }
}

function userId(): number {
  return process.getuid?.() ?? 0;
}
