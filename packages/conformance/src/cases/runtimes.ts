/** The packed packages in each runtime of the README's table. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import type { Case } from "../Case.js"
import { CaseFailed, succeeds } from "../Case.js"
import * as Chromium from "../Chromium.js"
import * as Modules from "../runtimes/Modules.js"
import type { Origins } from "../runtimes/programs/portable.js"
import * as Room from "../runtimes/Room.js"
import type { Runtime } from "../runtimes/Runtime.js"
import { runFile, runtimes as commandLines } from "../runtimes/Runtime.js"
import * as Workerd from "../Workerd.js"
import { signIn } from "./singlePage.js"

/** Installing packages and runtimes takes a minute, once. */
const timeout = "5 minutes"

const port = () => NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })

const servers = Layer.merge(Layer.provide(HttpBin.layer, port()), Layer.provide(OAuthServer.layer(), port()))

/** The servers of a case, which count for this case alone. */
const withOrigins = <A, E, R>(use: (origins: Origins) => Effect.Effect<A, E, R>) =>
  Effect.all([HttpBin.HttpBin, OAuthServer.OAuthServer]).pipe(
    Effect.flatMap(([httpbin, oauth]) => use({ httpbin: httpbin.baseUrl, oauth: oauth.issuer })),
    // A browser ends before the servers, which wait for its connections.
    Effect.scoped,
    Effect.provide(servers),
    Effect.orDie
  )

/** What the steps of `programs/portable.ts` must observe. */
const expected = {
  challenge: "Unauthorized: basic",
  statuses: [200, 200, 200],
  oauth: 200,
  refresh: { succeeded: 50, refreshes: 1 }
}

const checkSteps = (observed: unknown): Effect.Effect<string, CaseFailed> =>
  isDeepStrictEqual(observed, expected)
    ? Effect.succeed("Basic, a retry, a 429, OAuth, and one refresh for 50 calls")
    : Effect.fail(new CaseFailed({ message: `observed ${JSON.stringify(observed)}` }))

const checkImports = (observed: unknown, modules: number): Effect.Effect<string, CaseFailed> =>
  observed === modules && modules > 0
    ? Effect.succeed(`${modules} modules`)
    : Effect.fail(new CaseFailed({ message: `${modules} modules must load, observed ${JSON.stringify(observed)}` }))

const Demo = Schema.Struct({ scenarios: Schema.Array(Schema.Struct({ name: Schema.String, ok: Schema.Boolean })) })

const checkDemo = (observed: unknown): Effect.Effect<string, CaseFailed> =>
  Schema.decodeUnknown(Demo)(observed).pipe(
    Effect.mapError(({ message }) => new CaseFailed({ message })),
    Effect.flatMap(({ scenarios }) => {
      const failed = scenarios.filter(({ ok }) => !ok).map(({ name }) => name)
      return failed.length === 0 && scenarios.length > 0
        ? Effect.succeed(`${scenarios.length} scenarios`)
        : Effect.fail(new CaseFailed({ message: `failed: ${failed.join(", ")}` }))
    })
  )

/** The cases of a runtime with a command line. */
const commandLine = (runtime: Runtime): ReadonlyArray<Case> => {
  const { environment, name } = runtime
  const steps = (transport: string) =>
    succeeds(`${name}/${transport}`, () =>
      Effect.flatMap(Room.shared, (made) =>
        withOrigins(({ httpbin, oauth }) => runFile(runtime, made, "command.js", transport, httpbin, oauth))
      ).pipe(Effect.flatMap(checkSteps))
    )
  const imports = Effect.flatMap(Room.shared, (made) => {
    const file = Modules.writeImports(made.app, environment, "console.log(count)\nprocess.exit(0)")
    return Effect.flatMap(runFile(runtime, made, file), (count) =>
      checkImports(count, Modules.claimed(environment).length)
    )
  })
  return [
    succeeds(`${name}/imports`, () => imports),
    succeeds(`${name}/demo`, () =>
      Effect.flatMap(Room.shared, (made) => Effect.flatMap(runFile(runtime, made, "demo.js", "--json"), checkDemo))
    ),
    steps("undici"),
    steps("fetch")
  ]
}

const fetchJson = (url: string): Effect.Effect<unknown, CaseFailed> =>
  Effect.tryPromise({
    try: async (): Promise<unknown> => (await fetch(url)).json(),
    catch: (cause) => new CaseFailed({ message: String(cause) })
  })

const respondWithCount = "export default { fetch: () => Response.json(count) }"

const workers: ReadonlyArray<Case> = [
  succeeds("workerd/imports", () =>
    Effect.gen(function* () {
      const { app } = yield* Room.shared
      const file = Modules.writeImports(app, "Workers", respondWithCount)
      const url = yield* Workerd.serve(yield* Room.bundle(join(app, file)))
      return yield* checkImports(yield* fetchJson(url), Modules.claimed("Workers").length)
    })
  ),
  succeeds("workerd/fetch", () =>
    Effect.gen(function* () {
      const { app } = yield* Room.shared
      const url = yield* Workerd.serve(yield* Room.bundle(join(app, "worker.js")))
      return yield* withOrigins((origins) => fetchJson(`${url}/?${new URLSearchParams({ ...origins }).toString()}`))
    }).pipe(Effect.flatMap(checkSteps))
  )
]

const inPage = (file: (app: string) => string, expression: (origins: Origins) => string) =>
  Effect.gen(function* () {
    const { app } = yield* Room.shared
    const script = yield* Room.bundle(join(app, file(app)))
    return yield* withOrigins((origins) =>
      Effect.flatMap(Chromium.withoutCors, (browser) =>
        Effect.tryPromise({
          try: () => Chromium.evaluate(browser, `${origins.httpbin}/html`, script, expression(origins)),
          catch: (cause) => new CaseFailed({ message: String(cause) })
        })
      )
    )
  })

const browsers: ReadonlyArray<Case> = [
  succeeds("chromium/imports", () =>
    Effect.flatMap(
      inPage(
        (app) => Modules.writeImports(app, "browsers", "globalThis.count = count"),
        () => "globalThis.count"
      ),
      (count) => checkImports(count, Modules.claimed("browsers").length)
    )
  ),
  succeeds("chromium/fetch", () =>
    Effect.flatMap(
      inPage(
        () => "page.js",
        (origins) => `globalThis.runSteps(${JSON.stringify(origins)})`
      ),
      checkSteps
    )
  )
]

export const runtimes: ReadonlyArray<Case> = [
  ...commandLines.flatMap(commandLine),
  ...workers,
  ...browsers,
  signIn
].map((one) => ({ ...one, timeout }))
