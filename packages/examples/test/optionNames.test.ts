/** Unknown names of options at run time: each exported function with options rejects them. `options.types.test.ts` has the types. */
import * as AuthorizationServer from "@countersign/auth/AuthorizationServer"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as Introspection from "@countersign/auth/Introspection"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Revocation from "@countersign/auth/Revocation"
import * as Signature from "@countersign/auth/Signature"
import * as TokenSource from "@countersign/auth/TokenSource"
import * as TokenStore from "@countersign/auth/TokenStore"
import * as Browser from "@countersign/node/Browser"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as ProcessLock from "@countersign/node/ProcessLock"
import * as SignIn from "@countersign/node/SignIn"
import * as RedisRateLimit from "@countersign/redis/RedisRateLimit"
import * as FaultProxy from "@countersign/testing/FaultProxy"
import * as MockClient from "@countersign/testing/MockClient"
import * as OAuthServer from "@countersign/testing/OAuthServer"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { constructors } from "./optionNames/constructors.js"
import { policies } from "./optionNames/policies.js"
import { functionsWithOptions } from "./optionNames/exported.js"

const stores = Layer.mergeAll(TokenStore.layerMemory, KeyValueStore.layerMemory)

const source = TokenSource.layer({ key: "test", acquireToken: () => Effect.never })

const services = Layer.mergeAll(
  MockClient.layer(() => MockClient.respond(500)),
  Browser.layerNone,
  Layer.provideMerge(source, stores)
)

/** Runs an effect, builds a Layer, and does nothing with another value. */
const run = (made: unknown): Effect.Effect<unknown, unknown> => {
  const effect = Layer.isLayer(made) ? Layer.build(made) : made
  return Effect.isEffect(effect)
    ? // Services are missing here only for valid options, and their outcome does not matter.
      Effect.scoped(Effect.provide(effect as Effect.Effect<unknown, unknown>, services))
    : Effect.void
}

/** The error of a function, if it fails. */
const failureOf = (make: () => unknown): Effect.Effect<Error | undefined> =>
  Effect.map(Effect.exit(Effect.suspend(() => run(make()))), (exit) => {
    const error = Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause)
    return error instanceof Error ? error : undefined
  })

/** The error about a name: a failure with `InvalidRequest`, or a defect that is a `TypeError`. */
const complaint = (make: () => unknown): Effect.Effect<string | undefined> =>
  Effect.map(failureOf(make), (error) => {
    if (error?.message.includes("has no option") !== true) return undefined
    expect(["InvalidRequest", "TypeError"]).toContain(error.name)
    return error.message
  })

/** Calls of the service of an `OAuthServer`. */
const controls = (
  [
    ["approve", ({ approve }) => approve("x", extra({ scopes: "a" })), "scopes`. Did you mean `scope`?"],
    ["approveDevice", ({ approveDevice }) => approveDevice("x", extra({ sub: "a" })), "sub`. Did you mean `subject`?"],
    [
      "issueTokens",
      ({ issueTokens }) => issueTokens({ clientId: "x", ...extra({ scopes: "a" }) }),
      "scopes`. Did you mean `scope`?"
    ],
    ["revokeFamily", ({ revokeFamily }) => revokeFamily(0, extra({ tokens: "dead" })), "tokens`. Remove it."]
  ] satisfies ReadonlyArray<
    readonly [name: string, call: (server: OAuthServer.Service) => Effect.Effect<unknown>, sentence: string]
  >
).map(
  ([name, call, sentence]) =>
    [
      name,
      () => Effect.provide(Effect.flatMap(OAuthServer.OAuthServer, call), OAuthServer.layerMemory()),
      `\`${name}\` has no option \`${sentence}`
    ] as const
)

/** Options within options: name, call, and the sentence about the name. */
const within: ReadonlyArray<readonly [name: string, make: () => unknown, sentence: string]> = [
  [
    "a toxic",
    () => FaultProxy.make({ port: 1, down: [FaultProxy.Toxic.Latency({ delay: 1, ...extra({ jiter: 1 }) })] }),
    "`Toxic.Latency` has no option `jiter`. Did you mean `jitter`?"
  ],
  [
    "a client of the server",
    () => OAuthServer.layerMemory({ clients: { app: { secret: "x", ...extra({ redirectUri: [] }) } } }),
    "`OAuthServer` has no option `clients.app.redirectUri`. Did you mean `clients.app.redirectUris`?"
  ],
  [
    "DPoP of the server",
    () => OAuthServer.layerMemory({ dpop: extra({ require: true }) }),
    "no option `dpop.require`. Did you mean `dpop.required`?"
  ],
  ...controls,
  [
    "the headers of a signature",
    () => Signature.make({ keyId: "x", secret: Redacted.make("x"), headers: extra({ keyid: "x" }) }),
    "`Signature` has no option `headers.keyid`. Did you mean `headers.keyId`?"
  ],
  [
    "proxies by scheme",
    () => NodeTransport.make({ proxy: extra({ no_proxy: [] }) }),
    "no option `proxy.no_proxy`. Did you mean `proxy.noProxy`?"
  ],
  [
    "the options of one lock",
    () => Effect.map(ProcessLock.make(), ({ withLock }) => withLock("/x", extra({ timeout: 1 }))),
    "`ProcessLock` has no option `timeout`."
  ],
  [
    "the shared throttle of rate limits",
    () => RedisRateLimit.layer({ limits: [], throttle: extra({ maxWat: 1 }) }),
    "`RedisRateLimit` has no option `throttle.maxWat`. Did you mean `throttle.maxWait`?"
  ],
  [
    "a listener of a sign-in",
    () => SignIn.withBrowser({ issuer: "https://auth.example.com", clientId: "app", listener: extra({ prt: 1 }) }),
    "`LoopbackListener` has no option `prt`. Did you mean `port`?"
  ],
  [
    "an option of a sign-in itself",
    () => SignIn.withBrowser({ issuer: "https://auth.example.com", clientId: "app", ...extra({ onUrls: 1 }) }),
    "an OAuth client has no option `onUrls`. Did you mean `onUrl`?"
  ]
]

/** Options that the types reject in a literal. */
function extra(options: object): object {
  return options
}

const functions = [...constructors, ...policies]

const exported = functionsWithOptions()

describe("an exported function with options", () => {
  it.live.each(functions)("rejects an unknown name: %s", ([, make]) =>
    Effect.map(
      complaint(() => make({ xyzzy: 1 })),
      (message) => {
        expect(message).toContain("has no option `xyzzy`. Remove it.")
      }
    )
  )

  it.live.each(functions)("accepts its own names: %s", ([, make]) =>
    Effect.map(
      complaint(() => make({})),
      (message) => {
        expect(message).toBeUndefined()
      }
    )
  )

  it.live.each(within)("rejects an unknown name within its options: %s", ([, make, sentence]) =>
    Effect.map(complaint(make), (message) => {
      expect(message).toContain(sentence)
    })
  )

  it.live("accepts the options of the sign-in and of the server for another grant", () =>
    Effect.gen(function* () {
      const { client } = yield* AuthorizationServer.make({
        issuer: "https://auth.example.com",
        clientId: "app",
        clientSecret: Redacted.make("secret"),
        revocationEndpoint: "https://auth.example.com/revoke"
      })
      const signIn = { ...client, redirectUri: "https://app.example.com/callback", listener: { port: 0 }, usePar: true }
      for (const make of [RefreshToken.layer, ClientCredentials.layer, Introspection.make, Revocation.make]) {
        expect(yield* complaint(() => make(signIn))).toBeUndefined()
      }
    }).pipe(Effect.provide(services))
  )

  it("has a case here, if one of its parameters is an object of options", () => {
    const tested = new Set(functions.map(([name]) => name))
    expect(exported.length).toBeGreaterThan(120)
    expect(exported.filter(({ name }) => !tested.has(name))).toEqual([])
  })

  it.live("rejects NaN for each option that is a number or a duration, with the name and the value", () =>
    Effect.gen(function* () {
      const accepted: Array<string> = []
      let tried = 0
      for (const { name, numbers } of exported) {
        const make = functions.find(([tested]) => tested === name)?.[1]
        if (make === undefined) continue
        for (const option of numbers) {
          tried++
          const message = (yield* failureOf(() => make({ [option]: Number.NaN })))?.message
          if (message?.includes(`\`${option}\``) !== true || !message.includes("NaN")) {
            accepted.push(`${name} ${option}: ${message}`)
          }
        }
      }
      expect(accepted).toEqual([])
      expect(tried).toBeGreaterThan(150)
    })
  )
})
