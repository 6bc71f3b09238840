export * from "./format/read-trace.ts";
export * from "./format/write-trace.ts";
