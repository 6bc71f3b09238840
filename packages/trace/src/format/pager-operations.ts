/** Operations of pagers, and of the kernel for them. */
export const PAGER_OPERATIONS = {
  "pager.create": { says: "A program that supplies contents.", fields: { as: "new" } },
  "pager.create-vmo": {
    says: "An object of a pager. The key tells its packets apart; 0 unless given.",
    fields: {
      as: "new",
      pager: "pager",
      size: "bytes",
      key: "count?",
      trapsDirty: "flag?",
      resizable: "flag?",
    },
  },
  "pager.read": {
    says: "The pager takes the oldest packet out of its port; null when there is none.",
    fields: { pager: "pager" },
  },
  "pager.supply": {
    says: "Gives contents to the pages from an offset on.",
    fields: { vmo: "vmo", offset: "bytes", from: "contents" },
    blocks: true,
  },
  "pager.fail": {
    says: "Gives up on requests that have a page in a range.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes", failure: "statusName" },
  },
  "pager.dirty": {
    says: "Lets pages become dirty.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
    blocks: true,
  },
  "pager.dirty-ranges": {
    says: "Answers the ranges that are not stored.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "pager.writeback-begin": {
    says: "Begins to store a range.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes", content: "writebackKind?" },
  },
  "pager.writeback-end": {
    says: "Has stored a range.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "pager.detach": { says: "Lets go of an object for good.", fields: { vmo: "vmo" } },
  "pager.close": { says: "The program ends.", fields: { pager: "pager" } },
  "pager.dump": {
    says: "The port and what queues behind it as lines.",
    fields: { pager: "pager" },
  },
} as const;
