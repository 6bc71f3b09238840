import type { Access, AccessMask, Pfn, Tag, Vpn } from "@aspace/arch";

/** What `find` answers when it cannot tell. */
export const UNKNOWN = -1;

const SLOTS = 1024;
const SLOT_WORDS = 4;
/** A slot's second word has the page's high 20 bits below the epoch. */
const EPOCH_SHIFT = 20;
const FIRST_EPOCH = 1;
const EPOCH_LIMIT = 1 << (32 - EPOCH_SHIFT);

/**
 * The answers of the last lookups in a TLB, one slot for each page number modulo 1024: a hit costs
 * one cache line of the host instead of a hash lookup. It decides nothing: any change of the TLB and
 * any change of tag forgets all of it, which is one addition, since a slot is valid only in the
 * epoch in which it was written.
 *
 * A slot: low 32 bits of the page, high 20 bits and epoch, the kinds of access that need no second
 * look, the frame. Epochs start at 1, so zeroes match nothing.
 */
export class MicroTlb {
  private readonly words: Int32Array = new Int32Array(SLOTS * SLOT_WORDS);
  private epoch: number = FIRST_EPOCH;
  private tag: Tag = 0;

  /** The frame that an access goes to, or UNKNOWN. */
  find(tag: Tag, vpn: Vpn, access: Access): Pfn {
    const { words } = this;
    const slot = (vpn & (SLOTS - 1)) * SLOT_WORDS;
    const known =
      words[slot] === (vpn | 0) &&
      words[slot + 1] === this.stamp(vpn) &&
      tag === this.tag &&
      ((words[slot + 2]! >> access) & 1) !== 0;
    return known ? words[slot + 3]! : UNKNOWN;
  }

  /** Remembers that under `tag` the kinds of access in `ready` may go straight to the frame. */
  keep(tag: Tag, vpn: Vpn, ready: AccessMask, frame: Pfn): void {
    if (tag !== this.tag) {
      this.forget();
      this.tag = tag;
    }
    const { words } = this;
    const slot = (vpn & (SLOTS - 1)) * SLOT_WORDS;
    words[slot] = vpn;
    words[slot + 1] = this.stamp(vpn);
    words[slot + 2] = ready;
    words[slot + 3] = frame;
  }

  /** Forgets everything. */
  forget(): void {
    if (++this.epoch < EPOCH_LIMIT) return;
    this.words.fill(0);
    this.epoch = FIRST_EPOCH;
  }

  private stamp(vpn: Vpn): number {
    return (vpn * 2 ** -32) | (this.epoch << EPOCH_SHIFT);
  }
}
