import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    // A test that hangs is a bug found, not a reason to wait.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Vitest leaves a core free, which on two cores halves the speed.
    maxWorkers: "100%",
    // Servers, processes and properties take their time; only what stands out is worth a line.
    slowTestThreshold: 5_000,
    sequence: { concurrent: false }
  }
})
