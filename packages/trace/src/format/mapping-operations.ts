/** What can be asked of one mapping directly: what the calls on regions are made of. */
export const MAPPING_OPERATIONS = {
  "mapping.find": {
    says: "Names the mapping that contains an address. Answers whether there is one.",
    fields: { as: "new", aspace: "aspace", at: "address" },
  },
  "mapping.protect": {
    says: "Changes permissions of one mapping directly.",
    fields: { mapping: "mapping", at: "address", length: "bytes", mmuFlags: "mmuFlags" },
  },
  "mapping.unmap": {
    says: "Takes pages off one mapping directly.",
    fields: { mapping: "mapping", at: "address", length: "bytes" },
  },
  "mapping.destroy": { says: "Ends one mapping.", fields: { mapping: "mapping" } },
  "mapping.map-range": {
    says: "Maps pages of a range, counted from the mapping's beginning, in advance. With keep, those that are mapped stay.",
    fields: {
      mapping: "mapping",
      offset: "bytes",
      length: "bytes",
      commit: "flag?",
      keep: "flag?",
    },
  },
  "mapping.decommit": {
    says: "Gives pages of the object back, counted from the mapping's beginning.",
    fields: { mapping: "mapping", offset: "bytes", length: "bytes" },
  },
  "mapping.mark-mergeable": {
    says: "Allows a mapping to be joined with its neighbours, and joins it.",
    fields: { mapping: "mapping" },
  },
  "mapping.commit-high-priority": {
    says: "Brings a high-priority mapping's memory in and maps it.",
    fields: { mapping: "mapping" },
    blocks: true,
  },
  "mapping.attribution": {
    says: "Answers what is charged for the pages that a mapping shows.",
    fields: { mapping: "mapping" },
  },
  "mapping.counts": {
    says: "Counts: alive, pages, object-page, generation, cached-generation, mergeable, high-priority; and entries, up to 65536 pages.",
    fields: { mapping: "mapping" },
  },
  "mapping.dump": { says: "A mapping as lines.", fields: { mapping: "mapping" } },
} as const;
