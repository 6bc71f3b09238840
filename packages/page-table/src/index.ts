export type { AddressSpaceTag } from "./address-space-tag.ts";
export type { EntryFormat } from "./entry-format.ts";
export { InvalidationBatch } from "./invalidation-batch.ts";
export { PageTable, type PageTableOptions } from "./page-table.ts";
export { ENGINE_QUIRKS, engineQuirks, type EngineQuirks } from "./quirks.ts";
export type { RootCopy } from "./table-tree.ts";
