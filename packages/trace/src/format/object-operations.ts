/**
 * Operations on memory objects, one line of meaning each. `blocks` says which may wait. Statuses and the order in which they are
 * checked are those of the method of the same name in `@aspace/vm`.
 */
export const OBJECT_OPERATIONS = {
  "vmo.create": {
    says: "An anonymous object. With waits, its operations wait for memory.",
    fields: {
      as: "new",
      size: "bytes",
      resizable: "flag?",
      discardable: "flag?",
      alwaysPinned: "flag?",
      waits: "flag?",
    },
  },
  "vmo.create-contiguous": {
    says: "An object whose pages lie side by side in RAM.",
    fields: { as: "new", size: "bytes", alignmentLog2: "count?" },
  },
  "vmo.create-physical": {
    says: "Device memory at a physical address.",
    fields: { as: "new", base: "bytes", size: "bytes" },
  },
  "vmo.clone": {
    says: "A copy-on-write child.",
    fields: {
      as: "new",
      vmo: "vmo",
      kind: "cloneKind",
      offset: "bytes?",
      size: "bytes",
      resizable: "flag?",
      copyName: "flag?",
    },
  },
  "vmo.slice": {
    says: "A child that is a window onto the same pages.",
    fields: { as: "new", vmo: "vmo", offset: "bytes?", size: "bytes", copyName: "flag?" },
  },
  "vmo.reference": {
    says: "A child that is the same memory under another name.",
    fields: {
      as: "new",
      vmo: "vmo",
      offset: "bytes?",
      size: "bytes?",
      resizable: "flag?",
      copyName: "flag?",
    },
  },
  "vmo.release": {
    says: "Lets go of an object; the name is free again. The last holder destroys it.",
    fields: { vmo: "vmo" },
  },
  "vmo.set-name": {
    says: "What dumps call the object; unless set, its name here.",
    fields: { vmo: "vmo", name: "text" },
  },
  "vmo.commit": {
    says: "Gives a range pages of its own.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
    blocks: true,
  },
  "vmo.decommit": {
    says: "Gives pages of a range back.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "vmo.zero": {
    says: "Makes a range zero.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
    blocks: true,
  },
  "vmo.pin": {
    says: "Commits a range and keeps it where it is.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes", access: "access" },
    blocks: true,
  },
  "vmo.unpin": {
    says: "Undoes one pin of the same range.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "vmo.read": {
    says: "Reads bytes. Answers them, and how many as value.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
    blocks: true,
  },
  "vmo.write": {
    says: "Writes bytes. Answers how many as value.",
    fields: { vmo: "vmo", offset: "bytes", data: "data" },
    blocks: true,
  },
  "vmo.resize": { says: "Changes the size.", fields: { vmo: "vmo", size: "bytes" } },
  "vmo.set-size": {
    says: "Changes the size and zeroes the tail of the last page.",
    fields: { vmo: "vmo", size: "bytes" },
    blocks: true,
  },
  "vmo.hint": {
    says: "Says how a range will be used.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes", hint: "hint" },
    blocks: true,
  },
  "vmo.lookup": {
    says: "Answers the pages that the object itself has in a range.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "vmo.lookup-contiguous": {
    says: "Answers the physical address of a range as value.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "vmo.take": {
    says: "Takes the contents of a range out, into a list.",
    fields: { as: "new", vmo: "vmo", offset: "bytes", length: "bytes" },
  },
  "list.free": { says: "Drops what was taken.", fields: { list: "list" } },
  "vmo.set-cache-policy": {
    says: "Decides how mappings are cached.",
    fields: { vmo: "vmo", policy: "cachePolicy" },
  },
  "vmo.take-modified": {
    says: "Answers whether a pager's object was changed since the last time.",
    fields: { vmo: "vmo" },
  },
  "vmo.lock": {
    says: "Keeps a discardable object. Answers how many bytes were discarded; all of it unless a range is given.",
    fields: { vmo: "vmo", offset: "bytes?", length: "bytes?" },
  },
  "vmo.try-lock": {
    says: "The same, unless it was discarded.",
    fields: { vmo: "vmo", offset: "bytes?", length: "bytes?" },
  },
  "vmo.unlock": {
    says: "Takes one lock back.",
    fields: { vmo: "vmo", offset: "bytes?", length: "bytes?" },
  },
  "vmo.discard": {
    says: "Throws a discardable object's contents away if nobody used it for so many generations. Answers whether it did.",
    fields: { vmo: "vmo", minAge: "count?" },
  },
  "vmo.raise-priority": {
    says: "As if one more mapping of the object had high priority.",
    fields: { vmo: "vmo" },
  },
  "vmo.lower-priority": {
    says: "As if one less had.",
    fields: { vmo: "vmo" },
  },
  "vmo.commit-high-priority": {
    says: "Brings a range in for the sake of its priority.",
    fields: { vmo: "vmo", offset: "bytes", length: "bytes" },
    blocks: true,
  },
  "vmo.attribution": {
    says: "Answers what is charged to the object; for all of it unless a range is given.",
    fields: { vmo: "vmo", offset: "bytes?", length: "bytes?" },
  },
  "vmo.counts": {
    says: "Counts: pages, entries, pins, children, mappings, sharers, high-priority, generation.",
    fields: { vmo: "vmo" },
  },
  "vmo.dump": { says: "The object and its tree as lines.", fields: { vmo: "vmo" } },
} as const;
