import { Status } from "@aspace/arch";
import type { AccessKind, Mode } from "../operation.ts";
import { EXECUTE, READ, USER, WRITE, mappingAt, type ModelAspace } from "./model-region.ts";
import { touch } from "./object-operations.ts";
import { AGAIN, type Steps } from "./steps.ts";

/** What an access comes to: OK and a word. */
export interface Accessed {
  readonly status: Status;
  readonly value: number;
}

export interface AccessRequest {
  readonly aspace: ModelAspace;
  readonly vpn: number;
  readonly mode: Mode;
  readonly access: AccessKind;
  /** The word to store. */
  readonly value: number;
}

/** A CPU's access, which faults as often as it takes. */
export function* access(request: AccessRequest): Steps<Accessed> {
  const status = yield* reach(request);
  if (status !== Status.OK) return { status, value: 0 };
  const { aspace, vpn, value } = request;
  const mapping = mappingAt(aspace, vpn)!;
  const cell = mapping.object.cells[mapping.objectPage + (vpn - mapping.base)]!;
  if (request.access !== "store") return { status, value: cell.value };
  cell.value = value;
  return { status, value: 0 };
}

function* reach(request: AccessRequest): Steps<Status> {
  const { aspace, vpn, mode } = request;
  if (vpn < aspace.base || vpn >= aspace.base + aspace.count) return Status.NOT_FOUND;
  if (aspace.kind === "user") {
    const isSlip = mode === "kernel" || (mode === "copy" && request.access === "fetch");
    if (isSlip) return Status.ACCESS_DENIED;
  }
  return yield* fault(request);
}

/** What the fault handler answers (A-7, M-18), whatever the page tables hold. */
export function* fault({ aspace, vpn, mode, access: kind }: AccessRequest): Steps<Status> {
  for (;;) {
    const mapping = mappingAt(aspace, vpn);
    if (mapping === null) return Status.NOT_FOUND;
    const flags = mapping.protections[vpn - mapping.base]!;
    const user = aspace.kind === "user" && mode === "user" ? USER : 0;
    const needed = user | (kind === "store" ? WRITE : READ) | (kind === "fetch" ? EXECUTE : 0);
    if ((flags & needed) !== needed) return Status.ACCESS_DENIED;
    const { object } = mapping;
    const page = mapping.objectPage + (vpn - mapping.base);
    // Whatever it waits for, everything is looked up again afterwards.
    const attempt = touch(object, page, kind === "store" ? "write" : "read");
    const step = attempt.next(Status.OK);
    if (step.done === true) return step.value;
    const answer = yield step.value;
    if (answer === AGAIN || (step.value.kind === "wait" && answer === Status.OK)) continue;
    const last = attempt.next(answer);
    if (last.done === true) return last.value;
  }
}
