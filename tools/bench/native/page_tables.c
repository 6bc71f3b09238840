/*
 * The reference: what this machine does to 4-level page tables when nothing is kept track of. All
 * tables exist, entries hold the offset of the next table in one arena, there are no locks, no
 * statuses beyond a failed lookup, and nobody has to be told about a change.
 *
 * One process serves a whole run. It reads lines "CASE PASSES" and answers each with the nanoseconds
 * per page of the median slice. An unknown case or a broken invariant ends it with exit status 1.
 *
 * Window, pages, slices and preparation are those of src/window.ts and src/workload.ts.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#define ENTRIES 512u
#define LEAF_TABLES 512u
#define WINDOW_PAGES (LEAF_TABLES * ENTRIES)
#define RUN_PAGES 512u
#define STRIDE 513u
#define RUNS 511u
#define PAGES (RUNS * RUN_PAGES)
#define SLICES 7u
#define SLICE_RUNS (RUNS / SLICES)
#define SLICE_PAGES (SLICE_RUNS * RUN_PAGES)
#define MOST_PASSES 64u
#define WINDOW_START 0x4000000000ull

#define P 1ull
#define RW 2ull
#define US 4ull
#define PS 0x80ull
#define XD (1ull << 63)
#define FRAME 0x000ffffffffff000ull
#define READ_ONLY (P | US | XD)
#define READ_WRITE (READ_ONLY | RW)

/* Root, one table of each middle level, the leaf tables, room for a crossing; whole huge pages. */
#define ARENA_BYTES (4u << 20)
static _Alignas(1u << 21) uint8_t arena[ARENA_BYTES];
static uint64_t tables_used;

static uint32_t in_order[PAGES];
static uint32_t in_random_order[PAGES];
static volatile uint64_t sink;

/* Keeps a measured function from being merged into its loop, as calls into a library are. */
#define CALLED __attribute__((noinline))

static inline uint64_t *table_at(uint64_t offset) { return (uint64_t *)(void *)(arena + offset); }

static inline unsigned index_at(uint64_t address, int level) {
  return (unsigned)(address >> (12 + 9 * level)) & (ENTRIES - 1);
}

static inline uint64_t address_of(uint64_t page) { return WINDOW_START + (page << 12); }

static void fail(const char *why) {
  fprintf(stderr, "page_tables: %s\n", why);
  exit(1);
}

/* The leaf entry of an address, or NULL where a table is missing or a larger leaf is in the way. */
static inline uint64_t *leaf_of(uint64_t address) {
  uint64_t entry = table_at(0)[index_at(address, 3)];
  if (!(entry & P)) return NULL;
  entry = table_at(entry & FRAME)[index_at(address, 2)];
  if (!(entry & P) || (entry & PS)) return NULL;
  entry = table_at(entry & FRAME)[index_at(address, 1)];
  if (!(entry & P) || (entry & PS)) return NULL;
  return &table_at(entry & FRAME)[index_at(address, 0)];
}

/* Stores are volatile so that none is merged or left out: a walker in hardware could be looking. */
static inline void set(uint64_t *entry, uint64_t value) { *(volatile uint64_t *)entry = value; }

static CALLED int map_page(uint64_t address, uint64_t frame, uint64_t bits) {
  uint64_t *leaf = leaf_of(address);
  if (!leaf || (*leaf & P)) return 0;
  set(leaf, frame | bits);
  return 1;
}

static CALLED int protect_page(uint64_t address, uint64_t bits) {
  uint64_t *leaf = leaf_of(address);
  if (!leaf || !(*leaf & P)) return 0;
  set(leaf, (*leaf & FRAME) | bits);
  return 1;
}

static CALLED int unmap_page(uint64_t address) {
  uint64_t *leaf = leaf_of(address);
  if (!leaf || !(*leaf & P)) return 0;
  set(leaf, 0);
  return 1;
}

/* The physical address, or all ones. */
static CALLED uint64_t walk(uint64_t address) {
  uint64_t *leaf = leaf_of(address);
  if (!leaf || !(*leaf & P)) return ~0ull;
  return (*leaf & FRAME) | (address & 0xfff);
}

/* The entries of [address, address + count pages) that lie in one leaf table; answers how many. */
static inline uint64_t run_in_table(uint64_t address, uint64_t count, uint64_t **leaf) {
  uint64_t room = ENTRIES - index_at(address, 0);
  *leaf = leaf_of(address);
  if (!*leaf) fail("a table is missing");
  return count < room ? count : room;
}

static CALLED void map_range(uint64_t address, uint64_t frame, uint64_t count, uint64_t bits) {
  while (count) {
    uint64_t *leaf, run = run_in_table(address, count, &leaf);
    for (uint64_t i = 0; i < run; i++, frame += 4096) {
      if (leaf[i] & P) fail("a page is mapped already");
      set(&leaf[i], frame | bits);
    }
    address += run << 12;
    count -= run;
  }
}

static CALLED void protect_range(uint64_t address, uint64_t count, uint64_t bits) {
  while (count) {
    uint64_t *leaf, run = run_in_table(address, count, &leaf);
    for (uint64_t i = 0; i < run; i++)
      if (leaf[i] & P) set(&leaf[i], (leaf[i] & FRAME) | bits);
    address += run << 12;
    count -= run;
  }
}

static CALLED void unmap_range(uint64_t address, uint64_t count) {
  while (count) {
    uint64_t *leaf, run = run_in_table(address, count, &leaf);
    for (uint64_t i = 0; i < run; i++)
      if (leaf[i] & P) set(&leaf[i], 0);
    address += run << 12;
    count -= run;
  }
}

static uint64_t first_of_run(unsigned run) { return address_of((uint64_t)run * STRIDE + 1); }

/* What is measured: one slice of a case, given the first of its runs or of its pages. */
static void map_runs(unsigned first) {
  for (unsigned run = first; run < first + SLICE_RUNS; run++)
    map_range(first_of_run(run), (uint64_t)run * RUN_PAGES << 12, RUN_PAGES, READ_WRITE);
}
static void protect_runs(unsigned first) {
  for (unsigned run = first; run < first + SLICE_RUNS; run++)
    protect_range(first_of_run(run), RUN_PAGES, READ_ONLY);
}
static void unmap_runs(unsigned first) {
  for (unsigned run = first; run < first + SLICE_RUNS; run++)
    unmap_range(first_of_run(run), RUN_PAGES);
}
static void map_pages(const uint32_t *pages) {
  for (unsigned i = 0; i < SLICE_PAGES; i++)
    if (!map_page(address_of(pages[i]), (uint64_t)i << 12, READ_WRITE)) fail("map failed");
}
static void protect_pages(const uint32_t *pages) {
  for (unsigned i = 0; i < SLICE_PAGES; i++)
    if (!protect_page(address_of(pages[i]), READ_ONLY)) fail("protect failed");
}
static void unmap_pages(const uint32_t *pages) {
  for (unsigned i = 0; i < SLICE_PAGES; i++)
    if (!unmap_page(address_of(pages[i]))) fail("unmap failed");
}
static void walk_pages(const uint32_t *pages) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < SLICE_PAGES; i++) sum += walk(address_of(pages[i]));
  sink = sum;
}

static void slice_map_range(unsigned slice) { map_runs(slice * SLICE_RUNS); }
static void slice_protect_range(unsigned slice) { protect_runs(slice * SLICE_RUNS); }
static void slice_unmap_range(unsigned slice) { unmap_runs(slice * SLICE_RUNS); }
static void slice_map_ordered(unsigned slice) { map_pages(in_order + slice * SLICE_PAGES); }
static void slice_map_random(unsigned slice) { map_pages(in_random_order + slice * SLICE_PAGES); }
static void slice_protect_ordered(unsigned slice) { protect_pages(in_order + slice * SLICE_PAGES); }
static void slice_unmap_ordered(unsigned slice) { unmap_pages(in_order + slice * SLICE_PAGES); }
static void slice_walk_ordered(unsigned slice) { walk_pages(in_order + slice * SLICE_PAGES); }
static void slice_walk_random(unsigned slice) { walk_pages(in_random_order + slice * SLICE_PAGES); }

/* Preparations, which are not measured. */
static void empty(void) {
  for (unsigned slice = 0; slice < SLICES; slice++) slice_unmap_range(slice);
}
static void full(void) {
  empty();
  for (unsigned slice = 0; slice < SLICES; slice++) slice_map_range(slice);
}

static const struct {
  const char *name;
  void (*prepare)(void);
  void (*slice)(unsigned);
} cases[] = {
    {"map-range", empty, slice_map_range},
    {"protect-range", full, slice_protect_range},
    {"unmap-range", full, slice_unmap_range},
    {"map-ordered", empty, slice_map_ordered},
    {"map-random", empty, slice_map_random},
    {"protect-ordered", full, slice_protect_ordered},
    {"unmap-ordered", full, slice_unmap_ordered},
    {"walk-ordered", full, slice_walk_ordered},
    {"walk-random", full, slice_walk_random},
};

static uint64_t new_table(void) {
  uint64_t offset = tables_used++ << 12;
  if (offset >= ARENA_BYTES) fail("the arena is full");
  return offset;
}

static void build_tables(void) {
  memset(arena, 0, ARENA_BYTES);
  new_table();
  for (unsigned leaf_table = 0; leaf_table < LEAF_TABLES; leaf_table++) {
    uint64_t address = address_of((uint64_t)leaf_table * ENTRIES);
    uint64_t table = 0;
    for (int level = 3; level > 0; level--) {
      uint64_t *entry = &table_at(table)[index_at(address, level)];
      if (!(*entry & P)) *entry = new_table() | P | RW | US;
      table = *entry & FRAME;
    }
  }
}

static uint32_t next_random(void) { /* xorshift32 */
  static uint32_t state = 0x2545f491u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void list_pages(void) {
  uint32_t count = 0;
  for (uint32_t page = 0; page < WINDOW_PAGES; page++)
    if (page % STRIDE != 0) in_order[count++] = page;
  memcpy(in_random_order, in_order, sizeof in_order);
  for (uint32_t i = count - 1; i > 0; i--) {
    uint32_t other = next_random() % (i + 1);
    uint32_t page = in_random_order[i];
    in_random_order[i] = in_random_order[other];
    in_random_order[other] = page;
  }
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int by_size(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static int measure(const char *name, unsigned passes) {
  static uint64_t spent[MOST_PASSES * SLICES];
  if (passes < 1 || passes > MOST_PASSES) fail("bad number of passes");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (strcmp(cases[i].name, name) != 0) continue;
    unsigned count = 0;
    for (unsigned pass = 0; pass < passes; pass++) {
      cases[i].prepare();
      for (unsigned slice = 0; slice < SLICES; slice++) {
        uint64_t start = now();
        cases[i].slice(slice);
        spent[count++] = now() - start;
      }
    }
    qsort(spent, count, sizeof spent[0], by_size);
    uint64_t twice = spent[(count - 1) / 2] + spent[count / 2];
    printf("%.5f\n", (double)twice / 2 / SLICE_PAGES);
    fflush(stdout);
    return 1;
  }
  return 0;
}

int main(void) {
#ifdef MADV_HUGEPAGE
  madvise(arena, ARENA_BYTES, MADV_HUGEPAGE);
#endif
  build_tables();
  list_pages();
  char name[64];
  unsigned passes;
  while (scanf("%63s %u", name, &passes) == 2)
    if (!measure(name, passes)) fail("unknown case");
  return 0;
}
