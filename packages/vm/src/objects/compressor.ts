import { FRAME_WORDS, KernelPanic, NO_FRAME, Status, type Pfn } from "@aspace/arch";
import { AllocationFailures } from "./allocation-failures.ts";
import { AllocationPolicy, type Pmm } from "./pmm.ts";

/** Names compressed content in a slot. */
export type CompressedHandle = number;

/** The page was all zeroes: there is nothing to keep. */
export const COMPRESSED_ZERO = -1;
/** The content did not get small enough to be worth it. */
export const COMPRESSION_FAILED = -2;
/** A handle, or one of the two above. */
export type CompressResult = number;

/** The handle of the page that is being compressed. */
const TEMPORARY_HANDLE: CompressedHandle = 0;

/**
 * Keeps pages in less memory than a frame. What it saves is not modelled, only who owns what: content
 * by handle, with the share count that the page had.
 *
 * Compressing takes time, during which others run. Meanwhile the slot holds the temporary reference,
 * of which there is one, and the compressor keeps the frame:
 *
 *     slot [page]  beginTemporary ▶ [temporary]  compress, endTemporary ▶ [reference]
 *                                       │ somebody needs the content
 *                                       └ takeTemporary ▶ [page]: a copy in the spare frame
 *
 * The spare frame is why that access cannot fail. It is allocated ahead, by `arm`.
 */
export class Compressor {
  /** Which compressions fail to make the content smaller. */
  readonly failures: AllocationFailures = new AllocationFailures();
  private readonly pmm: Pmm;
  /** By handle; null for handles that are not in use. */
  private readonly contents: (Int32Array | null)[] = [null];
  private readonly shareCounts: number[] = [0];
  /** Handles that were freed, last freed last. */
  private readonly freed: CompressedHandle[] = [];
  private spare: Pfn = NO_FRAME;
  private temporary: Pfn = NO_FRAME;

  constructor(pmm: Pmm) {
    this.pmm = pmm;
  }

  /** Whether a compression could begin now: there is a spare frame, and none is under way. */
  get isArmed(): boolean {
    return this.spare !== NO_FRAME && this.temporary === NO_FRAME;
  }

  /** Frames that are kept for compressing: the spare one, and the one that is being compressed. */
  get frameCount(): number {
    return Number(this.spare !== NO_FRAME) + Number(this.temporary !== NO_FRAME);
  }

  /** Stored contents; the temporary reference is not among them. */
  get liveCount(): number {
    return this.contents.length - 1 - this.freed.length;
  }

  /** Makes sure of a spare frame. NO_MEMORY when there is none to have. */
  arm(): Status {
    if (this.spare !== NO_FRAME) return Status.OK;
    const pfn = this.pmm.allocate(AllocationPolicy.NEVER_WAITS);
    if (pfn < 0) return Status.NO_MEMORY;
    this.spare = pfn;
    return Status.OK;
  }

  /** Gives the spare frame back: nothing is compressed until the next `arm`. Panics with O-M11 while a compression is under way. */
  disarm(): void {
    this.assertNoTemporary();
    if (this.spare !== NO_FRAME) this.pmm.free(this.spare);
    this.spare = NO_FRAME;
  }

  /** Stores a page's content and share count, unless it is zero or does not fit. The frame stays the caller's. */
  compress(pfn: Pfn): CompressResult {
    if (this.pmm.isZero(pfn)) return COMPRESSED_ZERO;
    if (this.failures.claims()) return COMPRESSION_FAILED;
    const handle = this.freed.pop() ?? this.contents.length;
    this.contents[handle] = this.pmm.memory.words.slice(pfn * FRAME_WORDS, (pfn + 1) * FRAME_WORDS);
    this.shareCounts[handle] = this.pmm.pages.shareCount[pfn]!;
    return handle;
  }

  /** Fills a frame with stored content and gives it the share count. The content stays stored. */
  decompressInto(handle: CompressedHandle, pfn: Pfn): void {
    const content = this.contentOf(handle);
    this.pmm.markWritten(pfn);
    this.pmm.memory.words.set(content, pfn * FRAME_WORDS);
    this.pmm.pages.shareCount[pfn] = this.shareCounts[handle]!;
  }

  /** Forgets content. For the temporary reference that means nothing: whoever compresses still has the frame. */
  free(handle: CompressedHandle): void {
    if (this.isTemporary(handle)) return;
    this.contentOf(handle);
    this.contents[handle] = null;
    this.freed.push(handle);
  }

  /** How many leaves see the content, less one (P6). */
  shareCount(handle: CompressedHandle): number {
    if (this.isTemporary(handle)) return this.pmm.pages.shareCount[this.temporary]!;
    this.contentOf(handle);
    return this.shareCounts[handle]!;
  }

  setShareCount(handle: CompressedHandle, count: number): void {
    if (this.isTemporary(handle)) {
      this.pmm.pages.shareCount[this.temporary] = count;
      return;
    }
    this.contentOf(handle);
    this.shareCounts[handle] = count;
  }

  /**
   * The handle that stands for a frame until `endTemporary`. The frame is ALLOC and stays the
   * caller's. Panics with O-M11 unless armed.
   */
  beginTemporary(pfn: Pfn): CompressedHandle {
    if (!this.isArmed) throw new KernelPanic("O-M11", "a compression begins, but cannot");
    this.temporary = pfn;
    return TEMPORARY_HANDLE;
  }

  isTemporary(handle: CompressedHandle): boolean {
    return handle === TEMPORARY_HANDLE && this.temporary !== NO_FRAME;
  }

  /** The frame that is being compressed, or NO_FRAME. */
  temporaryPage(): Pfn {
    return this.temporary;
  }

  /**
   * A frame with the content and share count of the temporary reference, ALLOC, to be put into the
   * slot instead of it. Never fails: it is the spare one. The reference is dead from then on.
   */
  takeTemporary(): Pfn {
    const page = this.spare;
    if (this.temporary === NO_FRAME || page === NO_FRAME) {
      throw new KernelPanic("O-M11", "there is no temporary reference to take");
    }
    this.pmm.copy(this.temporary, page);
    this.pmm.pages.shareCount[page] = this.pmm.pages.shareCount[this.temporary]!;
    this.spare = NO_FRAME;
    return page;
  }

  /** The compression is over; what becomes of the frame and of the slot is the caller's business. */
  endTemporary(): void {
    if (this.temporary === NO_FRAME) throw new KernelPanic("O-M11", "no compression is under way");
    this.temporary = NO_FRAME;
  }

  /** Power-on, after the Pmm's: nothing is stored, not armed. */
  reset(): void {
    this.contents.length = 1;
    this.shareCounts.length = 1;
    this.freed.length = 0;
    this.failures.failNever();
    this.spare = NO_FRAME;
    this.temporary = NO_FRAME;
  }

  private assertNoTemporary(): void {
    if (this.temporary !== NO_FRAME) throw new KernelPanic("O-M11", "a compression is under way");
  }

  /** Panics with O-M10 when nothing is stored under the handle. */
  private contentOf(handle: CompressedHandle): Int32Array {
    const content = this.contents[handle] ?? null;
    if (content === null)
      throw new KernelPanic("O-M10", `nothing is stored as reference ${handle}`);
    return content;
  }
}
