/**
 * The calls on regions that programs make, by bytes. Rights are those of the handle that the call is made with: unless given, those
 * that the region's own call of creation gave out, else all.
 */
export const CALL_OPERATIONS = {
  "vmar.allocate": {
    says: "A sub-region. Answers its address.",
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
      operation: "callOperation",
      at: "address",
      length: "bytes",
      buffer: "bytes?",
      bufferSize: "bytes?",
      rights: "rights?",
    },
    blocks: true,
  },
} as const;
