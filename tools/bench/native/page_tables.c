/*
 * The reference: what this machine does to 4-level page tables when nothing is kept track of. All
 * tables exist, entries hold the offset of the next table in one arena, there are no locks, no
 * statuses beyond a failed lookup, and nobody has to be told about a change.
 *
 * One process serves a whole run. It reads lines "CASE PASSES" and answers each with
 * "NANOSECONDS OPERATIONS", the sum over the passes without their preparation. An unknown case or a
 * broken invariant ends it with exit status 1.
 *
 * The pages worked on are those of src/window.ts: all of the window but the multiples of 513.
 */
#define _GNU_SOURCE
#include <inttypes.h>
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
#define WINDOW_START 0x200000000000ull

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
  uint64_t table = 0;
  for (int level = 3; level > 0; level--) {
    uint64_t entry = table_at(table)[index_at(address, level)];
    if (!(entry & P) || (entry & PS)) return NULL;
    table = entry & FRAME;
  }
  return &table_at(table)[index_at(address, 0)];
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

/* One pass over the window's pages. */
static void pass_map_range(void) {
  for (unsigned run = 0; run < RUNS; run++)
    map_range(first_of_run(run), (uint64_t)run * RUN_PAGES << 12, RUN_PAGES, READ_WRITE);
}
static void pass_protect_range(void) {
  for (unsigned run = 0; run < RUNS; run++) protect_range(first_of_run(run), RUN_PAGES, READ_ONLY);
}
static void pass_unmap_range(void) {
  for (unsigned run = 0; run < RUNS; run++) unmap_range(first_of_run(run), RUN_PAGES);
}
static void map_pages(const uint32_t *order) {
  for (uint64_t i = 0; i < PAGES; i++)
    if (!map_page(address_of(order[i]), i << 12, READ_WRITE)) fail("map failed");
}
static void pass_map_ordered(void) { map_pages(in_order); }
static void pass_map_random(void) { map_pages(in_random_order); }
static void pass_protect_ordered(void) {
  for (uint64_t i = 0; i < PAGES; i++)
    if (!protect_page(address_of(in_order[i]), READ_ONLY)) fail("protect failed");
}
static void pass_unmap_ordered(void) {
  for (uint64_t i = 0; i < PAGES; i++)
    if (!unmap_page(address_of(in_order[i]))) fail("unmap failed");
}
static void walk_pages(const uint32_t *order) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < PAGES; i++) sum += walk(address_of(order[i]));
  sink = sum;
}
static void pass_walk_ordered(void) { walk_pages(in_order); }
static void pass_walk_random(void) { walk_pages(in_random_order); }

/* Preparations, which are not measured. */
static void empty(void) { pass_unmap_range(); }
static void full(void) {
  empty();
  pass_map_range();
}

static const struct {
  const char *name;
  void (*prepare)(void);
  void (*pass)(void);
} cases[] = {
    {"map-range", empty, pass_map_range},
    {"protect-range", full, pass_protect_range},
    {"unmap-range", full, pass_unmap_range},
    {"map-ordered", empty, pass_map_ordered},
    {"map-random", empty, pass_map_random},
    {"protect-ordered", full, pass_protect_ordered},
    {"unmap-ordered", full, pass_unmap_ordered},
    {"walk-ordered", full, pass_walk_ordered},
    {"walk-random", full, pass_walk_random},
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

static int measure(const char *name, unsigned passes) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (strcmp(cases[i].name, name) != 0) continue;
    uint64_t spent = 0;
    for (unsigned pass = 0; pass < passes; pass++) {
      cases[i].prepare();
      uint64_t start = now();
      cases[i].pass();
      spent += now() - start;
    }
    printf("%" PRIu64 " %" PRIu64 "\n", spent, (uint64_t)passes * PAGES);
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
