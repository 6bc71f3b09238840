/**
 * A module hook, run in Node's loader thread, that loads the TypeScript sources of packages under
 * test as plain modules.
 *
 * Packages of the workspace export `src/*.ts`. Node strips their types when it compiles them, after
 * every hook has seen the file as "module-typescript", and the engine's hook leaves that format
 * alone: the campaign would run without any coverage. This hook strips the types itself and calls
 * the result "module". Types become spaces, so lines and columns stay those of the sources. It must
 * be registered before the engine's hook, which then sits in front of it and sees its result.
 */
import { stripTypeScriptTypes, type InitializeHook, type LoadHook } from "node:module";

export interface HookSettings {
  /** File URLs of the folders with code under test, each ending in a slash. */
  readonly folderUrls: readonly string[];
}

let folderUrls: readonly string[] = [];

export const initialize: InitializeHook<HookSettings> = (settings) => {
  folderUrls = settings.folderUrls;
};

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const isUnderTest = folderUrls.some((folder) => url.startsWith(folder));
  if (loaded.format !== "module-typescript" || !isUnderTest) return loaded;
  const source = Buffer.from(loaded.source as Uint8Array).toString();
  return { ...loaded, format: "module", source: stripTypeScriptTypes(source) };
};
