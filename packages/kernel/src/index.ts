export * from "./kernel.ts";
export * from "./thread.ts";
