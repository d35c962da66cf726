// One of several processes that share one account for some seconds. `unfenced` is a store without lock and version.
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import { TokenError } from "@countersign/auth/Errors"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { openStore } from "../support/openStore.js"

const [url = "", table = "", exclusion, issuer = "", mode, seconds = "0"] = process.argv.slice(2)

const unfenced = (store: TokenStore.Service): TokenStore.Service => ({
  ...store,
  withLock: () => (effect) => effect,
  compareAndSet: (key, _, token) =>
    Effect.flatMap(store.get(key), (found) =>
      store.compareAndSet(key, Option.match(found, { onNone: () => 0, onSome: ({ version }) => version }), token)
    )
})

const signedOut = new TokenError({ reason: "ReauthorizationRequired", detail: "no user has signed in" })

const program = Effect.gen(function* () {
  const store = yield* openStore(url, { table, exclusion: exclusion === "advisory" ? "advisory" : "lease" })
  const clientSecret = Redacted.make("secret")
  const transport = OAuth2.dangerouslyAllowHttpOnLoopback
  const { refresh } = yield* OAuth2.make({ issuer, clientId: "client", clientSecret, transport })
  const acquireToken: TokenSource.Options["acquireToken"] = (previous) =>
    Option.match(
      Option.flatMapNullable(previous, ({ refreshToken }) => refreshToken),
      { onNone: () => Effect.fail(signedOut), onSome: refresh }
    )
  const source = yield* Effect.provideService(
    TokenSource.make({ key: "account", acquireToken, propagationDelay: 0 }),
    TokenStore.TokenStore,
    mode === "unfenced" ? unfenced(store) : store
  )
  const http = yield* HttpClient.HttpClient
  const failures = new Set<string>()
  const end = performance.now() + Number(seconds) * 1000
  const called = Effect.gen(function* () {
    const { generation, token } = yield* source.get
    const authorization = `Bearer ${Redacted.value(token.accessToken)}`
    const response = yield* http.get(`${issuer}/resource`, { headers: { authorization } })
    if (response.status === 401) yield* source.onRejected(generation)
  })
  const once = Effect.matchEffect(called, {
    onFailure: ({ _tag, reason }) => Effect.sync(() => failures.add(`${_tag} ${reason}`)),
    onSuccess: () => Effect.sleep("2 millis")
  })
  yield* Effect.repeat(once, { while: () => performance.now() < end })
  process.stdout.write(`${[...failures].join(", ")}\n`)
})

const layers = [FetchHttpClient.layer, Logger.remove(Logger.defaultLogger)] as const
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layers)))
