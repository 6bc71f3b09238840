export type { Expectation, Seen } from "./format/expectation.ts";
export type { Header } from "./format/header.ts";
export {
  OPERATIONS,
  type Operation,
  type OperationName,
  type OperationNamed,
  type OperationShape,
} from "./format/operation.ts";
export { readTrace } from "./format/read-trace.ts";
export type { Trace } from "./format/trace.ts";
export { UnreadableTrace } from "./format/unreadable-trace.ts";
export type { AddressText, Contents, Data, Hex, Value, When } from "./format/values.ts";
export { writeOperation, writeTrace } from "./format/write-trace.ts";
export type { Mismatch } from "./run/compare.ts";
export {
  Checking,
  runTrace,
  type Outcome,
  type RunOptions,
  type TraceRun,
} from "./run/run-trace.ts";
