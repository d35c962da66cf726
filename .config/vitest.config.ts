import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const skipReporter = fileURLToPath(new URL("../.ci/skip-reporter.mjs", import.meta.url))

export default defineConfig({
  plugins: [
    {
      name: "countersign:skips",
      // A reporter of the configuration would be replaced by `--reporter`.
      configureVitest: ({ vitest }) => {
        if (process.env["CI"] === "true") vitest.config.reporters.push([skipReporter, {}])
      }
    }
  ],
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
