/**
 * What every member's `vitest run` shares: one line per test file for people, one report per member for the tally of
 * `npm test`. A test waits for no clock, but a busy machine may be slow, so the limit is far away.
 */
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    // Node loads the sources itself: the instrumented module runner makes hot loops several times slower.
    experimental: { viteModuleRunner: false },
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    slowTestThreshold: 10_000,
    reporters: [
      ["default", { summary: false }],
      ["json", { outputFile: "reports/tests.json" }],
    ],
  },
});

export default config;
