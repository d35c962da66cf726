import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    // A test that hangs is a bug found, not a reason to wait.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    sequence: { concurrent: false }
  }
})
