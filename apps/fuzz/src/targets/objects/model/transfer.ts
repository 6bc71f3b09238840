import { Status } from "@aspace/arch";
import { isInside, pagesOf, type Bytes } from "./bounds.ts";
import type { ModelNode } from "./model-node.ts";
import { CACHED, type ModelObject } from "./model-object.ts";
import { PAGE_SIZE, byteAt, filled } from "./page-value.ts";
import { isWait, type SeenPage, type Steps } from "./steps.ts";
import { touch, Want } from "./touch.ts";

/** A transfer asks the pager for at most so many pages at a time. */
const MOST_ASKED = 16;

export interface Transferred {
  readonly status: Status;
  readonly bytes: number;
}

/** The part of a transfer that lies in one page. */
interface Part {
  readonly from: number;
  readonly end: number;
  /** Bytes of the whole transfer before it. */
  readonly before: number;
}

/** Reads into `into`. `arrived` says, for the first byte of a page's part, whether the real read has stored it. */
export function read(
  object: ModelObject,
  offset: number,
  into: Uint8Array,
  arrived: (index: number) => boolean,
): Steps<Transferred> {
  return transfer(object, { offset, length: into.length }, Want.LOOK, {
    isDone: (_, part) => arrived(part.before),
    move: (page, part) => {
      const value = object.node.contentAt(page)!;
      for (let at = part.from; at < part.end; at++)
        into[part.before + at - part.from] = byteAt(value, at);
    },
  });
}

/** Fills a range with one byte. */
export function write(object: ModelObject, bytes: Bytes, byte: number): Steps<Transferred> {
  const { node } = object;
  return transfer(object, bytes, Want.WRITE, {
    isDone: (seen, { from, end }, isRetry) => {
      const { own, value } = seen;
      const isSkipped = byte === 0 && !isRetry && isZeroWithoutPage(node, seen);
      if (own !== "page" && !isSkipped) return false;
      return value !== null && filled(value, from, end, byte) === value;
    },
    move: (page, { from, end }) => {
      const cell = node.cells.get(page);
      if (cell?.kind !== "page") throw new Error("the reference model writes what is no page");
      cell.value = filled(cell.value, from, end, byte);
      if (node.source !== null) node.isModified = true;
    },
  });
}

/** Zeroes need not be written where the real node knows already that it is zero: the model may take that for a page. */
function isZeroWithoutPage(node: ModelNode, { own, shown }: SeenPage): boolean {
  if (node.isUnderPager) return own === "marker" && node.siblings.size > 1;
  return shown === "marker" || shown === "nothing";
}

interface Moves {
  readonly isDone: (seen: SeenPage, part: Part, isRetry: boolean) => boolean;
  readonly move: (page: number, part: Part) => void;
}

function* transfer(
  object: ModelObject,
  bytes: Bytes,
  want: Want,
  moves: Moves,
): Steps<Transferred> {
  const refused = transferStatus(object, bytes);
  if (refused !== Status.OK || bytes.length === 0) return { status: refused, bytes: 0 };
  const { node } = object;
  const { page, end } = pagesOf(object, bytes);
  for (let at = page; at < end;) {
    const part = partOf(object, bytes, at);
    let status = yield {
      kind: "page",
      page: at,
      isDone: (seen, isRetry) => moves.isDone(seen, part, isRetry),
    };
    if (status === Status.OK && object.policy !== CACHED) status = Status.BAD_STATE;
    if (status === Status.OK && object.isDiscarded) status = Status.NOT_FOUND;
    if (status === Status.OK && object.isDiscarded) status = Status.NOT_FOUND;
    if (status === Status.OK && end > node.sizePages) status = Status.OUT_OF_RANGE;
    const most = Math.min(end - at, MOST_ASKED);
    const answer = status === Status.OK ? touch(node, at, want, most) : status;
    status = isWait(answer) ? yield answer : answer;
    if (status !== Status.OK) return { status, bytes: part.before };
    if (isWait(answer)) continue;
    moves.move(at, part);
    at++;
  }
  return { status: Status.OK, bytes: bytes.length };
}

function transferStatus(object: ModelObject, bytes: Bytes): Status {
  if (!isInside(object, bytes)) return Status.OUT_OF_RANGE;
  if (object.policy !== CACHED) return Status.BAD_STATE;
  return object.isDiscarded && bytes.length > 0 ? Status.NOT_FOUND : Status.OK;
}

function partOf(object: ModelObject, { offset, length }: Bytes, page: number): Part {
  const start = (page - object.sliceOffset) * PAGE_SIZE;
  const from = Math.max(offset - start, 0);
  const end = Math.min(offset + length - start, PAGE_SIZE);
  return { from, end, before: start + from - offset };
}
