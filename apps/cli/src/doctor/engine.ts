/** The fuzz engine: installed, and how its binary loads on this C library. */
import { engineReport, type EngineReport } from "@aspace/fuzz";
import type { Check } from "./check.ts";

export async function checkEngine(): Promise<Check> {
  const report = await engineReport();
  return {
    id: "engine",
    title: "Fuzz engine",
    ...judge(report),
    need: "required",
    purpose: "finds the inputs",
  };
}

function judge({ version, glibc, load }: EngineReport): Pick<Check, "state" | "detail" | "remedy"> {
  const name = `Jazzer.js ${version ?? "?"}`;
  const libc = glibc === null ? "this C library" : `glibc ${glibc}`;
  switch (load.kind) {
    case "native":
      return { state: "ok", detail: `${name}, as it is on ${libc}`, remedy: null };
    case "adapted":
      return { state: "ok", detail: `${name}, in a copy adapted to ${libc}`, remedy: null };
    case "missing":
      return { state: "missing", detail: load.reason, remedy: "npm start installs the workspace" };
    case "broken":
      return {
        state: "missing",
        detail: `${name} does not load on ${libc}: ${load.reason}`,
        remedy: "Linux with glibc 2.34 or later (Debian 12, Ubuntu 22.04), macOS or Windows",
      };
  }
}
