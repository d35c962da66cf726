import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"
import type { TestSpecification } from "vitest/node"
import { BaseSequencer } from "vitest/node"

const skipReporter = fileURLToPath(new URL("../.ci/skip-reporter.mjs", import.meta.url))

/** Packages whose tests change no state of the process, such as variables of the environment. */
const libraries = "protocol|client|auth|testing"

/** Except for these: a thread has no time zone of its own. */
const exceptions = ["packages/protocol/test/HttpDate.test.ts"]

/** The files that take longest. */
const longest = [
  "stress/test/stress.test.ts",
  "stress/test/stress.mutants.test.ts",
  "node/test/stores.contract.test.ts",
  "examples/test/demo.test.ts",
  "examples/test/lint.test.ts",
  "stress/test/tokens.test.ts",
  "stress/test/outage.test.ts",
  "conformance/test/conformance.test.ts",
  "conformance/test/workerd.test.ts",
  "node/test/FileTokenStore.processes.test.ts",
  "node/test/NodeTransport.framings.test.ts"
]

const rank = ({ moduleId }: TestSpecification): number => {
  const at = longest.findIndex((file) => moduleId.endsWith(file))
  return at === -1 ? longest.length : at
}

/** Starts the longest files first, so that no worker is left with one while the other has nothing to do. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

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
    // These limits only end a test that hangs. No test depends on them, so they also suffice on a machine with much other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Vitest leaves a core free, which on two cores halves the speed.
    maxWorkers: "100%",
    // Servers, processes and properties take their time; only what stands out is worth a line.
    slowTestThreshold: 5_000,
    sequence: { concurrent: false, sequencer: LongestFirst },
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
