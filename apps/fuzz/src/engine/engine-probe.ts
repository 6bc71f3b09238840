/** Program that tries to load the engine, in a process of its own because that might kill it. */
import { installGlibcAdaptation, type AddonLoad } from "./glibc-adaptation.ts";
import { oneLine } from "./one-line.ts";

let found: AddonLoad | { kind: "broken"; reason: string } | null = null;
installGlibcAdaptation((load) => {
  found = load;
});
try {
  await import(process.argv[2]!);
} catch (error) {
  found = { kind: "broken", reason: oneLine(error) };
}
process.stdout.write(JSON.stringify(found) + "\n");
