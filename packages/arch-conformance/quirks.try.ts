import { conform, PROPERTIES } from "./src/index.ts";
import { x86_64, x86_64La57 } from "@aspace/arch-x86-64";
import { arm64 } from "@aspace/arch-arm64";
import { tiny, tinyStrict } from "@aspace/arch-tiny";
const skip = new Set(process.env.SKIP?.split(",") ?? []);
for (const a of [tiny, tinyStrict, x86_64, arm64]) for (const q of a.quirks) for (const kind of q.kinds) {
  const r = conform(a, { quirks: new Set([q.id]), kinds: [kind], properties: new Set(PROPERTIES.map((p) => p.id).filter((id) => !skip.has(id))) });
  const f = r.results.filter((x) => x.outcome === "failed");
  console.log(a.name, q.id, kind, f.length === 0 ? "MISSED" : f.map((x) => x.id + (x.outcome === "failed" && x.rule !== x.id ? `(${x.rule})` : "")).join(" "));
}
