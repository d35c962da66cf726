import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"
import type { TestSpecification } from "vitest/node"
import { BaseSequencer } from "vitest/node"

const skipReporter = fileURLToPath(new URL("../.ci/skip-reporter.mjs", import.meta.url))

const workers = Math.ceil(1.5 * availableParallelism())

/** Packages with tests that change no state of the process, such as environment variables. */
const libraries = "protocol|client|auth|testing"

/** Except for these: threads share the time zone of the process. */
const exceptions = ["packages/protocol/test/HttpDate.test.ts"]

/** Tests of whole programs and of test tools, 40 % of the CPU time: `npm run test:slow`, and a section of `.ci/run`. */
const slow = [
  "packages/stress/test/{cache,crash,disk,fleet,leaks,outage,processes,streams,stress.mutants,tokens}.test.ts",
  "packages/conformance/test/{cacheTests,conformance,mutants,workerd}.test.ts",
  "packages/auth/test/Digest.servers.test.ts",
  "packages/node/test/{EncryptedTokenStore,FileTokenStore,KeychainTokenStore}.contract.test.ts",
  "packages/node/test/{schemes,schemes.bodies,schemes.hostile,schemes.transports}.test.ts",
  "packages/node/test/{Batch,Download,FileTokenStore}.processes.test.ts",
  "packages/redis/test/{RedisRateLimit.throttle,RedisTokenStore.contract,RedisTokenStore.replicas,partition,topologies}.test.ts",
  "packages/sql/test/SqlTokenStore.{contract,faults,lostServer,processes}.test.ts",
  "packages/testing/test/{PostgresReplication,TokenStoreContract}.test.ts",
  "packages/examples/test/{demo.redis,packed}.test.ts"
]

/** ESLint finds no native modules in a worker in which another test has replaced functions of `fs`. */
const alone = ["packages/examples/test/lint.test.ts"]

/** The files that take longest. */
const longest = [
  "stress/test/stress.mutants.test.ts",
  "examples/test/packed.test.ts",
  "node/test/FileTokenStore.contract.test.ts",
  "node/test/NodeTransport.open.test.ts",
  "node/test/NodeTransport.http2.endings.test.ts",
  "node/test/NodeTransport.framings.test.ts",
  "node/test/transports.received.test.ts",
  "node/test/FileTokenStore.processes.test.ts",
  "examples/test/lint.test.ts",
  "examples/test/demo.test.ts",
  "node/test/NodeTransport.codings.test.ts",
  "client/test/Retry.statuses.test.ts",
  "client/test/Redirects.redaction.test.ts",
  "auth/test/OAuth2.responses.test.ts",
  "auth/test/OAuth2.discovery.test.ts",
  "auth/test/TokenSource.rejections.test.ts",
  "testing/test/OAuthServerProfiles.test.ts",
  "client/test/Concurrency.test.ts"
]

const rank = ({ moduleId }: TestSpecification): number => {
  const at = longest.findIndex((file) => moduleId.endsWith(file))
  return at === -1 ? longest.length : at
}

/** Starts the longest files first, so that no worker runs a long file at the end while the other is idle. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  plugins: [
    {
      name: "countersign:skips",
      // `--reporter` would replace a reporter of the configuration.
      configureVitest: ({ vitest }) => {
        if (process.env["CI"] === "true") vitest.config.reporters.push([skipReporter, {}])
      }
    }
  ],
  test: {
    // These limits only end a test that hangs. No test depends on them, so they also suffice on a machine with much other work.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Tests wait for sockets, timers and other processes for about a third of the time. Vitest would leave a core free instead.
    maxWorkers: workers,
    // Vitest would end a worker without a file, and fail with "Terminating worker thread" while another one still runs.
    minWorkers: workers,
    // Tests with servers, processes and properties are slow. Only exceptionally slow ones are marked.
    slowTestThreshold: 5_000,
    sequence: { concurrent: false, sequencer: LongestFirst },
    // Loading Effect and the packages again for each file takes longer than most files' tests. Vitest reads this option here
    // for all projects.
    // A larger young generation of V8, as in `run.mjs`.
    poolOptions: { forks: { isolate: false, execArgv: ["--max-semi-space-size=64"] }, threads: { isolate: false } },
    projects: [
      {
        extends: true,
        test: {
          name: "processes",
          include: [`packages/!(${libraries})/test/**/*.test.ts`, ...exceptions],
          exclude: [...configDefaults.exclude, ...slow, ...alone],
          pool: "forks",
          sequence: { groupOrder: 0 }
        }
      },
      {
        extends: true,
        test: { name: "alone", include: alone, pool: "threads", sequence: { groupOrder: 0 } }
      },
      {
        extends: true,
        test: { name: "slow", include: slow, pool: "forks", sequence: { groupOrder: 2 } }
      },
      {
        extends: true,
        test: {
          name: "libraries",
          include: [`packages/@(${libraries})/test/**/*.test.ts`],
          exclude: [...configDefaults.exclude, ...exceptions, ...slow],
          pool: "threads",
          isolate: false,
          sequence: { groupOrder: 1 }
        }
      }
    ]
  }
})
