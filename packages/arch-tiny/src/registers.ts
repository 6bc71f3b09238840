import { GUEST_TAGS, NO_FRAME, type Pfn, type Tag } from "@aspace/arch";

/** What a context switch loads. */
export interface TinyContext {
  /** Root of the lower half, NO_FRAME for none: every access there is absent. */
  readonly lowerRoot: Pfn;
  /** Root of the upper half; a guest has none. */
  readonly upperRoot: Pfn;
  readonly tag: Tag;
}

/** The kernel's own tag, used by CPUs that run no user aspace. User tags follow. */
export const KERNEL_TAG: Tag = 0;
export const FIRST_USER_TAG: Tag = 1;
export const FIRST_GUEST_TAG: Tag = GUEST_TAGS + 1;

/** A CPU after reset translates nothing. */
export const RESET_CONTEXT: TinyContext = {
  lowerRoot: NO_FRAME,
  upperRoot: NO_FRAME,
  tag: KERNEL_TAG,
};
