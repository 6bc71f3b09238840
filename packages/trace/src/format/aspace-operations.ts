/** CPUs and address spaces. */
export const ASPACE_OPERATIONS = {
  "aspace.create": {
    says: "An address space; its name is that of its root region too.",
    fields: { as: "new", kind: "aspaceKind?" },
  },
  "aspace.destroy": {
    says: "Ends an address space and everything in it.",
    fields: { aspace: "aspace" },
  },
  "aspace.fault": {
    says: "The fault handler, as if a CPU had faulted.",
    fields: { aspace: "aspace", at: "address", flags: "faultFlags" },
    blocks: true,
  },
  "aspace.soft-fault": {
    says: "A fault on behalf of the kernel.",
    fields: { aspace: "aspace", at: "address", flags: "faultFlags" },
    blocks: true,
  },
  "aspace.query": {
    says: "Answers the page-table entry of an address; null when there is none.",
    fields: { aspace: "aspace", at: "address" },
  },
  "aspace.map-entry": {
    says: "Puts the page behind an offset into the page tables, past everything above them.",
    fields: {
      aspace: "aspace",
      at: "address",
      vmo: "vmo",
      offset: "bytes",
      mmuFlags: "mmuFlags",
      existing: "existingEntry",
    },
  },
  "aspace.counts": {
    says: "Counts: tables, high-priority, and the bytes mapped, private, shared, scaled-shared.",
    fields: { aspace: "aspace" },
  },
  "aspace.drop-tables": {
    says: "Empties the page tables; faults fill them again.",
    fields: { aspace: "aspace" },
  },
  "aspace.harvest": {
    says: "Collects the accessed bits of all user address spaces.",
    fields: { tables: "tableAction", pages: "pageAction" },
  },
  "aspace.dump": { says: "An address space as lines.", fields: { aspace: "aspace" } },
  "cpu.switch": {
    says: "A CPU runs in an address space, or in the kernel alone.",
    fields: { cpu: "count?", aspace: "aspaceOrNull" },
  },
  "cpu.store": {
    says: "Stores a word, with all the faults that takes.",
    fields: { cpu: "count?", mode: "cpuMode?", at: "address", value: "word" },
    blocks: true,
  },
  "cpu.load": {
    says: "Loads a word and answers it.",
    fields: { cpu: "count?", mode: "cpuMode?", at: "address" },
    blocks: true,
  },
  "cpu.fetch": {
    says: "Fetches an instruction word and answers it.",
    fields: { cpu: "count?", mode: "cpuMode?", at: "address" },
    blocks: true,
  },
  "cpu.try": {
    says: "An access that nobody helps. Answers what the CPU says.",
    fields: { cpu: "count?", mode: "cpuMode?", access: "cpuAccess", at: "address" },
  },
  "cpu.prefetch": {
    says: "A CPU looks ahead at an address.",
    fields: { cpu: "count?", at: "address" },
  },
  "region.counters": {
    says: "Counts: what the kernel counts about mappings and faults.",
    fields: {},
  },
} as const;
