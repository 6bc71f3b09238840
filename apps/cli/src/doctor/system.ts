/** Node, processors, memory and disk. */
import { statfsSync } from "node:fs";
import { availableParallelism, freemem } from "node:os";
import type { Check } from "./check.ts";

const MIB = 2 ** 20;
/** A campaign refuses to start with less: the engine may leave empty files on a full disk. */
const FREE_DISK_MIB_MIN = 32;
/** Two engine processes of up to 200 MiB each, and the suite. */
const FREE_MEMORY_MIB_MIN = 512;
/** The Node that the workspace brings: it runs the sources and lets us load them as modules. */
const NODE_MAJOR_MIN = 24;

/** @param folder where findings and corpus would be written */
export function checkSystem(folder: string): Check[] {
  return [checkNode(), checkProcessors(), checkMemory(), checkDisk(folder)];
}

function checkNode(): Check {
  const isRecent = Number(process.versions.node.split(".", 1)[0]) >= NODE_MAJOR_MIN;
  return {
    id: "node",
    title: "Node.js",
    state: isRecent ? "ok" : "missing",
    detail: `${process.version}, ${process.platform} ${process.arch}`,
    need: "required",
    purpose: "runs everything",
    remedy: isRecent ? null : `Node ${NODE_MAJOR_MIN} or later; a clone brings its own: npm start`,
  };
}

function checkProcessors(): Check {
  return {
    id: "processors",
    title: "Processors",
    state: "ok",
    detail: String(availableParallelism()),
    need: "optional",
    purpose: "each can run an engine process of its own",
    remedy: null,
  };
}

function checkMemory(): Check {
  const free = Math.floor(freemem() / MIB);
  const isEnough = free >= FREE_MEMORY_MIB_MIN;
  return {
    id: "memory",
    title: "Free memory",
    state: isEnough ? "ok" : "warning",
    detail: `${free} MiB`,
    need: "optional",
    purpose: "an engine process takes up to 200 MiB",
    remedy: isEnough ? null : "fuzz with --workers 1",
  };
}

function checkDisk(folder: string): Check {
  const { bavail, bsize } = statfsSync(folder);
  const free = Math.floor((bavail * bsize) / MIB);
  const isEnough = free >= FREE_DISK_MIB_MIN;
  return {
    id: "disk",
    title: "Free disk",
    state: isEnough ? "ok" : "missing",
    detail: `${free} MiB in ${folder}`,
    need: "required",
    purpose: "findings, corpus and report",
    remedy: isEnough ? null : `free ${FREE_DISK_MIB_MIN} MiB, or fuzz with --out on another disk`,
  };
}
