/** Memory pressure, failures, threads, and checks of the whole. */
export const MEMORY_OPERATIONS = {
  "memory.reclaim": {
    says: 'Reclaims the page behind an offset. Answers "kept", "evicted" or "compressed".',
    fields: { vmo: "vmo", offset: "bytes", hint: "hintAction?" },
  },
  "memory.dedup": {
    says: "Replaces the page behind an offset by nothing if it is zero. Answers whether it did.",
    fields: { vmo: "vmo", offset: "bytes" },
  },
  "memory.queue": {
    says: "Answers the page queue that the page behind an offset is in.",
    fields: { vmo: "vmo", offset: "bytes" },
  },
  "memory.scan": {
    says: "One step of the scanner. Counts: deduplicated, reclaimed.",
    fields: { zeroForkPages: "count?", reclaimPages: "count?", minAge: "count?" },
  },
  "memory.rotate": { says: "Every page becomes one generation older.", fields: {} },
  "memory.mark-accessed": {
    says: "The page behind an offset was used.",
    fields: { vmo: "vmo", offset: "bytes" },
  },
  "compression.arm": { says: "Gives the compressor its spare page.", fields: {} },
  "compression.disarm": { says: "Takes it back.", fields: {} },
  "compression.begin": {
    says: "Takes the page behind an offset out to compress it. Answers false when it must stay.",
    fields: { as: "new", vmo: "vmo", offset: "bytes" },
  },
  "compression.finish": {
    says: 'Ends a compression. Answers "compressed", "failed" or "lost".',
    fields: { compression: "compression" },
  },
  "memory.low": { says: "Memory runs low, or no longer.", fields: { low: "flag" } },
  "memory.service": { says: "Those who wait for memory try again.", fields: {} },
  "memory.fail": {
    says: "Plans a failure: of pages and other kernel memory, of page tables, or of compressions to gain anything.",
    fields: { what: "allocation", when: "when" },
  },
  "memory.delay": {
    says: "Plans which allocation that can wait must.",
    fields: { when: "when" },
  },
  "memory.counts": {
    says: "Counts: free, live, stored, tables, and pages by queue.",
    fields: {},
  },
  "thread.run": {
    says: "A thread goes on, if what it waits for has come. Answers what its operation does.",
    fields: { thread: "thread" },
  },
  "thread.time-out": {
    says: "A thread has waited too long, and goes on with that.",
    fields: { thread: "thread" },
  },
  "thread.kill": { says: "A thread ends where it waits.", fields: { thread: "thread" } },
  validate: { says: "Checks every structure there is.", fields: {} },
} as const;
