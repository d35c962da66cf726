/** The single-page application of the guide in Chromium: PKCE, and a DPoP key in IndexedDB. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBin from "@countersign/testing/HttpBin"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import type { Browser } from "playwright-core"
import type { Case } from "../Case.js"
import { CaseFailed, succeeds } from "../Case.js"
import * as Chromium from "../Chromium.js"
import * as Room from "../runtimes/Room.js"

const port = () => NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })

const page = { public: true, redirectUris: ["http://127.0.0.1/html"] }

const servers = Layer.merge(
  Layer.provide(HttpBin.layer, port()),
  Layer.provide(OAuthServer.layer({ clients: { page } }), port())
)

/** Whether the stored private keys can be exported. */
const exportable = `new Promise((resolve) => {
  const open = indexedDB.open("countersign", 1)
  open.onsuccess = () => {
    const keys = open.result.transaction("dpop-keys").objectStore("dpop-keys").getAll()
    keys.onsuccess = () => resolve(keys.result.map(({ privateKey }) => privateKey.extractable))
  }
})`

/** Signs in, calls the API, and calls it again after a reload. The server redirects at once, without a page of its own. */
const run = async (browser: Browser, script: string, url: string, issuer: string): Promise<unknown> => {
  const tab = await Chromium.openWith(browser, script)
  const step = (name: string) => tab.evaluate(`page.${name}(${JSON.stringify(issuer)})`)
  await tab.goto(url)
  await tab.goto(String(await step("begin")))
  await step("complete")
  const called = await step("call")
  await tab.reload()
  return { called, afterReload: await step("call"), exportable: await tab.evaluate(exportable) }
}

/** What the page observes: one key, which cannot be exported. */
const expected = { called: { scope: "read" }, afterReload: { scope: "read" }, exportable: [false] }

export const signIn: Case = succeeds("chromium/sign-in", () =>
  Effect.gen(function* () {
    const { app } = yield* Room.shared
    const script = yield* Room.bundle(join(app, "single-page.js"))
    const browser = yield* Chromium.withoutCors
    const [httpbin, oauth] = yield* Effect.all([HttpBin.HttpBin, OAuthServer.OAuthServer])
    const observed = yield* Effect.tryPromise({
      try: () => run(browser, script, `${httpbin.baseUrl}/html`, oauth.issuer),
      catch: (cause) => new CaseFailed({ message: String(cause) })
    })
    const tokenRequests = (yield* oauth.calls).length
    const schemes = (yield* oauth.requests).flatMap(({ headers, path }) =>
      path === "/resource" ? [headers["authorization"]?.split(" ", 1)[0]] : []
    )
    return isDeepStrictEqual([observed, tokenRequests, schemes], [expected, 1, ["DPoP", "DPoP"]])
      ? "PKCE, a DPoP key in IndexedDB, and a token that a reload keeps"
      : yield* new CaseFailed({ message: `observed ${JSON.stringify({ observed, tokenRequests, schemes })}` })
  }).pipe(
    // The browser ends before the servers, which wait for its connections.
    Effect.scoped,
    Effect.provide(servers),
    Effect.catchTag("ServeError", Effect.die)
  )
)
