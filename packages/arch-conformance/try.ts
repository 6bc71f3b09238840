import { conform } from "./src/index.ts";
import { x86_64, x86_64La57 } from "@aspace/arch-x86-64";
import { arm64 } from "@aspace/arch-arm64";
import { tiny, tinyStrict } from "@aspace/arch-tiny";
const all = { "x86-64": x86_64, la57: x86_64La57, arm64, tiny, "tiny-strict": tinyStrict };
const [name, kinds, props, quirk] = process.argv.slice(2);
const t0 = performance.now();
let last = t0;
const report = conform(all[name], {
  kinds: kinds && kinds !== "-" ? kinds.split(",") : undefined,
  properties: props && props !== "-" ? new Set(props.split(",")) : undefined,
  quirks: new Set(quirk ? [quirk] : []),
  onResult(r) {
    const now = performance.now(); const ms = now - last; last = now;
    if (r.outcome === "failed") console.log(r.id, r.kind, "FAILED", r.rule, r.message.split("\n").slice(0, 4).join("\n   "), process.env.TRACE ? "\n    " + r.trace.slice(-16).join("\n    ") : "");
    if (ms > 200) console.log("   slow", r.id, r.kind, ms.toFixed(0));
  },
});
console.log(name, report.passed, "passed", report.failed, "failed", report.notApplicable, "n/a", (performance.now() - t0).toFixed(0), "ms");
