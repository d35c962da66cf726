/** Runs the examples of API keys and of signed requests. */
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createHmac, generateKeyPairSync, verify } from "node:crypto"
import * as ApiKeys from "../src/api-keys.js"
import * as OAuth1SignIn from "../src/oauth1-sign-in.js"
import * as OAuth1 from "../src/oauth1.js"
import * as Signatures from "../src/signatures.js"
import * as SignedJwt from "../src/signed-jwt.js"
import { printed } from "./support/shownOutput.js"

/** Values of the configuration. */
const config = (values: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

describe("api-keys.ts", () => {
  it.effect("sends the new key, and the old one after a 401", () =>
    Effect.gen(function* () {
      yield* ApiKeys.program
      const { sent } = yield* MockClient.MockClient
      expect((yield* sent).map(({ headers }) => headers["x-api-key"])).toEqual(["new", "old"])
    }).pipe(
      Effect.provide(
        ApiKeys.ApiLive.pipe(
          Layer.provide(config({ API_KEYS: "new,old" })),
          Layer.provideMerge(
            MockClient.layer(({ headers }) => MockClient.respond(headers["x-api-key"] === "old" ? 200 : 401))
          )
        )
      )
    )
  )
})

describe("signed-jwt.ts", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })

  it.effect("sends a JWT of the app, with a key as GitHub writes it", () =>
    Effect.gen(function* () {
      yield* SignedJwt.program
      const { sent } = yield* MockClient.MockClient
      const [jwt = ""] = (yield* sent).map(({ headers }) => headers["authorization"]?.slice("Bearer ".length))
      const [header = "", payload = "", signature = ""] = jwt.split(".")
      const bytes = Buffer.from(signature, "base64url")
      expect(verify("sha256", Buffer.from(`${header}.${payload}`), publicKey, bytes)).toBe(true)
      expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual({ iss: "Iv1.app", iat: -60, exp: 540 })
    }).pipe(
      Effect.provide(
        SignedJwt.GitHubLive.pipe(
          Layer.provide(
            config({
              GITHUB_APP_CLIENT_ID: "Iv1.app",
              GITHUB_APP_PRIVATE_KEY: privateKey.export({ type: "pkcs1", format: "pem" }).toString()
            })
          ),
          Layer.provideMerge(MockClient.layer(() => MockClient.respond(200)))
        )
      )
    )
  )
})

describe("oauth1.ts", () => {
  it.effect("sends a signature of both secrets", () =>
    Effect.gen(function* () {
      yield* OAuth1.program
      const { sent } = yield* MockClient.MockClient
      const [field = ""] = (yield* sent).map(({ headers }) => headers["authorization"])
      const [, nonce = ""] = /oauth_nonce="([^"]+)"/.exec(field) ?? []
      const parameters =
        `oauth_consumer_key=ck&oauth_nonce=${nonce}&oauth_signature_method=HMAC-SHA1&oauth_timestamp=0` +
        `&oauth_token=at&oauth_version=1.0&status=Hello`
      const text = ["POST", "https://api.example.com/statuses", parameters].map(encodeURIComponent).join("&")
      const signature = createHmac("sha1", "cs&ats").update(text).digest("base64")
      expect(field).toContain(`oauth_signature="${encodeURIComponent(signature)}"`)
    }).pipe(
      Effect.provide(
        OAuth1.ApiLive.pipe(
          Layer.provide(
            config({ CONSUMER_KEY: "ck", CONSUMER_SECRET: "cs", ACCESS_TOKEN: "at", ACCESS_TOKEN_SECRET: "ats" })
          ),
          Layer.provideMerge(MockClient.layer(() => MockClient.respond(200)))
        )
      )
    )
  )
})

describe("oauth1-sign-in.ts", () => {
  const live = Layer.merge(
    config({ CONSUMER_KEY: "ck", CONSUMER_SECRET: "cs" }),
    MockClient.layer({
      "POST /oauth/request_token": () =>
        MockClient.respond(200, "oauth_token=rt&oauth_token_secret=rts&oauth_callback_confirmed=true"),
      "POST /oauth/access_token": () =>
        MockClient.respond(200, "oauth_token=at&oauth_token_secret=ats&user_id=7&screen_name=ada"),
      "POST /statuses": () => MockClient.respond(200)
    })
  )

  const callback = "https://app.example.com/callback"

  it.effect("signs the user in, and calls the API with the token of the user", () =>
    Effect.gen(function* () {
      const signIn = yield* OAuth1SignIn.makeSignIn
      const transaction = yield* signIn.start()
      expect(transaction.url).toBe("https://api.example.com/oauth/authorize?oauth_token=rt")
      const url = `${callback}?oauth_token=rt&oauth_verifier=v`
      expect(yield* printed(OAuth1SignIn.handle(signIn, transaction, url))).toBe("signed in as ada")
      const { sent } = yield* MockClient.MockClient
      expect((yield* sent).at(-1)?.headers["authorization"]).toContain('oauth_token="at"')
    }).pipe(Effect.provide(live))
  )

  it.effect("reports that the user declined", () =>
    Effect.gen(function* () {
      const signIn = yield* OAuth1SignIn.makeSignIn
      const url = `${callback}?denied=rt`
      expect(yield* printed(OAuth1SignIn.handle(signIn, yield* signIn.start(), url))).toBe("the user declined")
    }).pipe(Effect.provide(live))
  )
})

describe("signatures.ts", () => {
  const hmac = (text: string, key: string | Buffer) => createHmac("sha256", key).update(text)

  it.effect("sends the signatures that a receiver and two exchanges expect", () =>
    Effect.gen(function* () {
      yield* Signatures.program
      const { sent } = yield* MockClient.MockClient
      const [webhook, exchange, orders] = yield* sent
      const v1 = hmac('0.{"event":"paid"}', "c2VjcmV0").digest("hex")
      expect(webhook?.headers["x-webhook-signature"]).toBe(`t=0,v1=${v1}`)
      const sign = hmac('0POST/orders{"size":"0.01"}', Buffer.from("secret")).digest("base64")
      expect(exchange?.headers["access-sign"]).toBe(sign)
      const query = "symbol=BTC&timestamp=0"
      expect(orders?.url).toBe(
        `https://orders.example.com/orders?${query}&signature=${hmac(query, "c2VjcmV0").digest("hex")}`
      )
    }).pipe(
      Effect.provide(Signatures.ApisLive.pipe(Layer.provideMerge(MockClient.layer(() => MockClient.respond(200)))))
    )
  )
})
