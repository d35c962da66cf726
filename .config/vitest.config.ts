import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"

const skipReporter = fileURLToPath(new URL("../.ci/skip-reporter.mjs", import.meta.url))

/** Packages whose tests change nothing that a whole process shares. */
const libraries = "protocol|client|auth|testing"

/** Except for these: a thread has no time zone of its own. */
const exceptions = ["packages/protocol/test/HttpDate.test.ts"]

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
    // A test that hangs is a bug found, not a reason to wait.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Vitest leaves a core free, which on two cores halves the speed.
    maxWorkers: "100%",
    // Servers, processes and properties take their time; only what stands out is worth a line.
    slowTestThreshold: 5_000,
    sequence: { concurrent: false },
    // Vitest takes it from here for all projects.
    poolOptions: { threads: { isolate: false } },
    projects: [
      {
        extends: true,
        test: {
          name: "processes",
          include: [`packages/!(${libraries})/test/**/*.test.ts`, ...exceptions],
          pool: "forks",
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: {
          name: "libraries",
          include: [`packages/@(${libraries})/test/**/*.test.ts`],
          exclude: [...configDefaults.exclude, ...exceptions],
          // Loading Effect and the packages anew for each file takes longer than most files' tests.
          pool: "threads",
          isolate: false,
          sequence: { groupOrder: 1 }
        }
      }
    ]
  }
})
