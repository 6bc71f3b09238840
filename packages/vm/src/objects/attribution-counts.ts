/** Memory charged to an object, in bytes. */
export interface AttributionCounts {
  /** Pages. */
  readonly uncompressedBytes: number;
  /** Compressed pages, by the size they would have uncompressed. */
  readonly compressedBytes: number;
}

export const NOTHING_ATTRIBUTED: AttributionCounts = { uncompressedBytes: 0, compressedBytes: 0 };
