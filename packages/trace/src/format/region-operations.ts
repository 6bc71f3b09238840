/** Regions as the kernel itself uses them: whole pages, no rights. */
export const REGION_OPERATIONS = {
  "region.set-priority": {
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
  "region.unmap": {
    says: "Unmaps a range; with children, also regions that it covers.",
    fields: { vmar: "vmar", at: "address", length: "bytes", children: "flag?" },
  },
  "region.protect": {
    says: "Changes the permissions of a range; with children, also in regions in it.",
    fields: {
      vmar: "vmar",
      at: "address",
      length: "bytes",
      mmuFlags: "mmuFlags",
      children: "flag?",
    },
  },
  "region.destroy": { says: "Ends a region and everything in it.", fields: { vmar: "vmar" } },
  "region.op-range": {
    says: "Does something to everything that is mapped in a range; with children, also in regions in it.",
    fields: {
      vmar: "vmar",
      operation: "rangeOperation",
      at: "address",
      length: "bytes",
      children: "flag?",
    },
    blocks: true,
  },
  "region.reserve": {
    says: "Marks pages that the page tables hold already as taken.",
    fields: { vmar: "vmar", name: "text", at: "address", length: "bytes", mmuFlags: "mmuFlags" },
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
