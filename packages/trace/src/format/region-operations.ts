/** Regions and mappings: first the calls that programs make, then what lies behind them. */
export const REGION_OPERATIONS = {
  "vmar.allocate": {
    says: "A sub-region. Rights of the handle are all unless given. Answers its address.",
    fields: {
      as: "new",
      vmar: "vmar",
      options: "vmarOptions?",
      alignLog2: "count?",
      offset: "bytes?",
      size: "bytes",
      rights: "rights?",
    },
  },
  "vmar.map": {
    says: "Maps an object. The name, if given, is that of the mapping as it is then. Answers its address.",
    fields: {
      as: "new?",
      vmar: "vmar",
      options: "vmarOptions",
      alignLog2: "count?",
      offset: "bytes?",
      vmo: "vmo",
      vmoOffset: "bytes?",
      length: "bytes",
      rights: "rights?",
      vmoRights: "rights?",
    },
    blocks: true,
  },
  "vmar.unmap": {
    says: "Unmaps a range.",
    fields: { vmar: "vmar", at: "address", length: "bytes", rights: "rights?" },
  },
  "vmar.protect": {
    says: "Changes the permissions of a range.",
    fields: {
      vmar: "vmar",
      options: "vmarOptions",
      at: "address",
      length: "bytes",
      rights: "rights?",
    },
  },
  "vmar.destroy": {
    says: "Ends a region and everything in it.",
    fields: { vmar: "vmar", rights: "rights?" },
  },
  "vmar.op-range": {
    says: "Does something to everything that is mapped in a range.",
    fields: {
      vmar: "vmar",
      operation: "rangeOperation",
      at: "address",
      length: "bytes",
      rights: "rights?",
    },
    blocks: true,
  },
  "vmar.set-priority": {
    says: "Sets the memory priority of a region and everything in it.",
    fields: { vmar: "vmar", priority: "priority" },
    blocks: true,
  },
  "region.create": {
    says: "A sub-region as the kernel makes it, in whole pages. The offset is from the parent's beginning.",
    fields: {
      as: "new",
      vmar: "vmar",
      flags: "vmarFlags?",
      alignLog2: "count?",
      offset: "bytes?",
      size: "bytes",
    },
  },
  "region.map": {
    says: "A mapping as the kernel makes it, in whole pages; it may not be merged. Answers its address.",
    fields: {
      as: "new?",
      vmar: "vmar",
      flags: "vmarFlags?",
      alignLog2: "count?",
      offset: "bytes?",
      vmo: "vmo",
      vmoOffset: "bytes?",
      size: "bytes",
      mmuFlags: "mmuFlags",
    },
    blocks: true,
  },
  "region.unmap-allow-partial": {
    says: "Unmaps a range in a region and all regions in it, which stay.",
    fields: { vmar: "vmar", at: "address", length: "bytes" },
  },
  "region.attribution": {
    says: "Answers what is charged for everything in a region.",
    fields: { vmar: "vmar" },
  },
  "region.counts": {
    says: "Counts: children, alive, high-priority.",
    fields: { vmar: "vmar" },
  },
  "region.dump": { says: "A region and everything in it as lines.", fields: { vmar: "vmar" } },
  "vmo.make-vdso": {
    says: "Declares an object to be the kernel's code for programs: data, then code to the end.",
    fields: { vmo: "vmo", codeOffset: "bytes" },
  },
} as const;
