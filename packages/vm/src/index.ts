export * from "./objects/index.ts";
export * from "./regions/index.ts";
export * from "./syscalls/index.ts";
