import * as OAuth1 from "@countersign/auth/OAuth1"
import * as OAuth1SignIn from "@countersign/auth/OAuth1SignIn"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as HttpDate from "@countersign/protocol/HttpDate"
import * as MockClient from "@countersign/testing/MockClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import OAuth from "oauth-1.0a"
import { createHmac } from "node:crypto"
import { allRenderings } from "./support/allRenderings.js"
import { clientOf, ok } from "./support/client.js"

const { respond } = MockClient

/** The values of RFC 5849 §1.2, with an https callback. */
const clientSecret = "kd94hf93k423kf44"
const options: OAuth1SignIn.Options = {
  clientId: "dpf43f3p2l4k3l03",
  clientSecret: Redacted.make(clientSecret),
  temporaryCredentialsEndpoint: "https://photos.example.net/initiate",
  authorizationEndpoint: "https://photos.example.net/authorize",
  tokenEndpoint: "https://photos.example.net/token",
  redirectUri: "https://printer.example.com/ready",
  realm: "Photos"
}
const temporary = { token: "hh5s93j4hdidpola", secret: "hdhd0244k9j7ao03" }
const granted = { token: "nnch734d00sl2jdk", secret: "pfkkdhi9sl3r4s00" }
const verifier = "hfdp7dh39dks9884"
const callback = `https://printer.example.com/ready?oauth_token=${temporary.token}&oauth_verifier=${verifier}`

const temporaryBody = `oauth_token=${temporary.token}&oauth_token_secret=${temporary.secret}&oauth_callback_confirmed=true`
const grantedBody = `oauth_token=${granted.token}&oauth_token_secret=${granted.secret}`

/** The parameters of an `Authorization` field, decoded, without the realm. */
const parametersOf = ({ headers }: MockClient.Sent): Record<string, string> =>
  Object.fromEntries(
    [...(headers["authorization"] ?? "").matchAll(/(oauth_\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [
      name,
      decodeURIComponent(value)
    ])
  )

/** Whether oauth-1.0a computes the same signature with the secret of this token. */
const isSigned = (sent: MockClient.Sent, tokenSecret: string): boolean => {
  const { oauth_signature: signature, ...oauth } = parametersOf(sent)
  const peer = new OAuth({
    consumer: { key: options.clientId, secret: clientSecret },
    signature_method: "HMAC-SHA1",
    hash_function: (text, key) => createHmac("sha1", key).update(text).digest("base64")
  })
  const data = { url: sent.url, method: sent.method, data: {} }
  // The peer signs the given parameters instead of its own nonce and time.
  return peer.getSignature(data, tokenSecret, oauth as unknown as OAuth.Data) === signature
}

/** A server that verifies each signature, and what the client must send at each endpoint. */
const server = (sent: MockClient.Sent): MockClient.Step => {
  const { oauth_callback: redirect, oauth_token: token, oauth_verifier: code } = parametersOf(sent)
  const isTemporary = sent.url === options.temporaryCredentialsEndpoint
  if (sent.method !== "POST" || !isSigned(sent, isTemporary ? "" : temporary.secret)) return respond(401, "signature")
  if (isTemporary) return redirect === options.redirectUri ? respond(200, temporaryBody) : respond(400, "callback")
  return token === temporary.token && code === verifier
    ? respond(200, `${grantedBody}&user_id=7&screen_name=ada%20l`)
    : respond(401, "verifier")
}

const signInWith = (script: MockClient.Script = server, changes: Partial<OAuth1SignIn.Options> = {}) =>
  Effect.gen(function* () {
    const { client, mock } = yield* MockClient.make(script)
    const signIn = yield* Effect.provideService(
      OAuth1SignIn.make({ ...options, ...changes }),
      HttpClient.HttpClient,
      client
    )
    return { signIn, mock }
  })

const showsNoSecret = (value: unknown) => {
  const shown = allRenderings(value)
  for (const secret of [clientSecret, temporary.secret, granted.secret, verifier]) expect(shown).not.toContain(secret)
}

describe("a sign-in of OAuth1SignIn", () => {
  it.effect("gets token credentials as in the example of RFC 5849, with signatures of oauth-1.0a", () =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith()
      const transaction = yield* signIn.start()
      expect(transaction.url).toBe(`https://photos.example.net/authorize?oauth_token=${temporary.token}`)
      const { credentials, extra } = yield* signIn.complete(transaction, callback)
      expect(Redacted.value(credentials.token)).toBe(granted.token)
      expect(Redacted.value(credentials.tokenSecret)).toBe(granted.secret)
      expect(extra).toEqual({ user_id: "7", screen_name: "ada l" })
      const [initiate, token] = yield* mock.sent
      if (initiate === undefined || token === undefined) return expect.fail("two requests")
      expect(initiate).toMatchObject({ method: "POST", body: undefined })
      expect(initiate.headers["authorization"]).toMatch(/^OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03"/)
      expect(parametersOf(initiate)).toMatchObject({ oauth_callback: options.redirectUri })
      expect(parametersOf(initiate)).not.toHaveProperty("oauth_token")
      expect(parametersOf(token)).toMatchObject({ oauth_token: temporary.token, oauth_verifier: verifier })
      expect(parametersOf(token)).not.toHaveProperty("oauth_callback")
      showsNoSecret([transaction, credentials, signIn])
    })
  )

  it.effect("returns credentials that OAuth1 signs with", () =>
    Effect.gen(function* () {
      const { signIn } = yield* signInWith()
      const { credentials } = yield* signIn.complete(yield* signIn.start(), new URL(callback))
      const auth = OAuth1.make({ clientId: options.clientId, clientSecret: options.clientSecret, ...credentials })
      const { api, mock } = yield* clientOf(auth, () => ok)
      yield* api.get("/photos", { query: { file: "vacation.jpg" } })
      const [sent] = yield* mock.sent
      expect(sent && parametersOf(sent)["oauth_token"]).toBe(granted.token)
      expect(sent && isSigned(sent, granted.secret)).toBe(true)
    })
  )

  it.effect("continues in another process, with the encoded transaction", () =>
    Effect.gen(function* () {
      const first = yield* signInWith()
      const encoded = yield* Schema.encode(OAuth1SignIn.Transaction)(yield* first.signIn.start())
      const { signIn } = yield* signInWith()
      const transaction = yield* Schema.decode(OAuth1SignIn.Transaction)(encoded)
      expect((yield* signIn.complete(transaction, new URL(callback).searchParams)).extra).toMatchObject({
        user_id: "7"
      })
    })
  )

  it.effect("adds parameters to the page, and keeps the query of the endpoints", () =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith(() => respond(200, temporaryBody), {
        temporaryCredentialsEndpoint: `${options.temporaryCredentialsEndpoint}?x_auth_access_type=read`,
        authorizationEndpoint: `${options.authorizationEndpoint}?app=1`,
        parameters: { perms: "read write" }
      })
      const { url } = yield* signIn.start({ screen_name: "ada" })
      expect(url).toBe(
        `${options.authorizationEndpoint}?app=1&perms=read%20write&screen_name=ada&oauth_token=${temporary.token}`
      )
      const [sent] = yield* mock.sent
      expect(sent && isSigned(sent, "")).toBe(true)
      expect(sent?.url).toContain("?x_auth_access_type=read")
    })
  )

  it.effect("completes with the code that the user types, for the redirect URI oob", () =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith([respond(200, temporaryBody), respond(200, grantedBody)], {
        redirectUri: "oob"
      })
      const transaction = yield* signIn.start()
      expect(yield* Effect.flip(signIn.complete(transaction, callback))).toMatchObject({ reason: "InvalidResponse" })
      expect(yield* Effect.flip(signIn.completeWithVerifier(transaction, " "))).toMatchObject({ _tag: "TokenError" })
      yield* signIn.completeWithVerifier(transaction, " 7650182\n")
      const sent = yield* mock.sent
      expect(sent.map((one) => parametersOf(one)["oauth_callback"])).toEqual(["oob", undefined])
      expect(sent[1] && parametersOf(sent[1])["oauth_verifier"]).toBe("7650182")
    })
  )
})

describe("the callback of OAuth1SignIn", () => {
  const token = temporary.token
  const at = (query: string) => `${options.redirectUri}?${query}`

  it.effect.each<readonly [string, string, string, string | undefined]>([
    ["another token", at(`oauth_token=other&oauth_verifier=${verifier}`), "InvalidResponse", undefined],
    ["no token", at(`oauth_verifier=${verifier}`), "InvalidResponse", undefined],
    ["two tokens", at(`oauth_token=${token}&oauth_token=x&oauth_verifier=v`), "InvalidResponse", undefined],
    ["no verifier", at(`oauth_token=${token}`), "InvalidResponse", undefined],
    ["an empty verifier", at(`oauth_token=${token}&oauth_verifier=`), "InvalidResponse", undefined],
    ["two verifiers", at(`oauth_token=${token}&oauth_verifier=a&oauth_verifier=b`), "InvalidResponse", undefined],
    ["another URL", callback.replace("/ready", "/other"), "InvalidResponse", undefined],
    ["denied", at(`denied=${token}`), "Rejected", "access_denied"],
    ["denied for another sign-in", at("denied=other"), "InvalidResponse", undefined],
    ["a refused permission", at(`oauth_token=${token}&oauth_problem=permission_denied`), "Rejected", "access_denied"],
    ["a refusal without a token", at("oauth_problem=user_refused"), "Rejected", "access_denied"],
    ["an error", at(`oauth_token=${token}&error=access_denied`), "Rejected", "access_denied"],
    ["another problem", at(`oauth_token=${token}&oauth_problem=token_expired`), "Rejected", "token_expired"]
  ])("fails typed and sends nothing for %s", ([, url, reason, code]) =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith()
      const transaction = yield* signIn.start()
      const error = yield* Effect.flip(signIn.complete(transaction, url))
      expect(error).toMatchObject({ _tag: "TokenError", reason })
      expect(error._tag === "TokenError" && error.error).toBe(code)
      showsNoSecret(error)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect.each<readonly [string, string]>([
    ["https://printer.example.com", "https://printer.example.com/"],
    ["https://Printer.example.com:443/a/../ready?x=1", "https://printer.example.com/ready?x=1"]
  ])("matches the redirect URI %s, which a browser normalizes", ([redirectUri, normalized]) =>
    Effect.gen(function* () {
      const { signIn } = yield* signInWith([respond(200, temporaryBody), respond(200, grantedBody)], { redirectUri })
      const url = new URL(normalized)
      url.searchParams.set("oauth_token", token)
      url.searchParams.set("oauth_verifier", verifier)
      const { credentials } = yield* signIn.complete(yield* signIn.start(), url)
      expect(Redacted.value(credentials.token)).toBe(granted.token)
    })
  )

  it.effect("expires after ten minutes, and belongs to one client and server", () =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith()
      const transaction = yield* signIn.start()
      const others = [{ clientId: "other" }, { tokenEndpoint: "https://other.example.net/token" }]
      for (const changes of others) {
        const other = yield* signInWith(server, changes)
        const error = yield* Effect.flip(other.signIn.complete(transaction, callback))
        expect(error).toMatchObject({ reason: "InvalidResponse" })
        expect(yield* other.mock.sent).toEqual([])
      }
      yield* TestClock.adjust("10 minutes")
      const error = yield* Effect.flip(signIn.complete(transaction, callback))
      expect(error).toMatchObject({ reason: "ReauthorizationRequired" })
      expect(yield* mock.sent).toHaveLength(1)
    })
  )
})

describe("a response to OAuth1SignIn", () => {
  it.effect("returns further members, also numbers and booleans of JSON that are exact", () =>
    Effect.gen(function* () {
      const members = { screen_name: "ada", user_id: 7, verified: false, big: 1e300, list: [], none: null }
      const body = { oauth_token: granted.token, oauth_token_secret: granted.secret, ...members }
      const { signIn } = yield* signInWith([respond(200, temporaryBody), respond(200, body)])
      const { extra } = yield* signIn.complete(yield* signIn.start(), callback)
      expect(extra).toEqual({ screen_name: "ada", user_id: "7", verified: "false" })
    })
  )

  const reversed = temporaryBody.split("&").reverse().join("&")
  const json = { oauth_token: temporary.token, oauth_token_secret: temporary.secret, oauth_callback_confirmed: "true" }

  it.effect.each<readonly [string, MockClient.Step]>([
    [
      "a form with a charset",
      respond(200, temporaryBody, { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" })
    ],
    ["a form as HTML", respond(200, temporaryBody, { "content-type": "text/html" })],
    ["a form with a line break at its end", respond(200, `${temporaryBody}\r\n`)],
    ["another order, with further members", respond(200, `${reversed}&xoauth_request_auth_url=x&`)],
    ["equal members", respond(200, `${temporaryBody}&oauth_token=${temporary.token}`)],
    ["the status 201", respond(201, temporaryBody)],
    ["True", respond(200, temporaryBody.replace("=true", "=True"))],
    ["JSON", respond(200, json)],
    ["JSON with a boolean", respond(200, { ...json, oauth_callback_confirmed: true })]
  ])("gives temporary credentials as %s", ([, step]) =>
    Effect.gen(function* () {
      const { signIn } = yield* signInWith([step])
      const transaction = yield* signIn.start()
      expect(transaction.token).toBe(temporary.token)
      expect(Redacted.value(transaction.tokenSecret)).toBe(temporary.secret)
    })
  )

  it.effect.each<readonly [string, MockClient.Step, object]>([
    ["an unconfirmed callback", respond(200, temporaryBody.replace("=true", "=false")), { reason: "InvalidResponse" }],
    ["the first edition of OAuth 1.0", respond(200, grantedBody), { reason: "InvalidResponse" }],
    ["two tokens", respond(200, `${temporaryBody}&oauth_token=other`), { reason: "InvalidResponse" }],
    ["no token", respond(200, "oauth_token_secret=x&oauth_callback_confirmed=true"), { reason: "InvalidResponse" }],
    ["no secret", respond(200, "oauth_token=x&oauth_callback_confirmed=true"), { reason: "InvalidResponse" }],
    ["an empty body", respond(200), { reason: "InvalidResponse" }],
    ["a page", respond(200, "<html>login</html>"), { reason: "InvalidResponse" }],
    ["a body above the limit", respond(200, `${temporaryBody}&x=${"x".repeat(300_000)}`), { reason: "Unavailable" }],
    ["a redirect", respond(302, "", { location: "https://evil.test/" }), { reason: "Unavailable" }],
    ["a 503", respond(503, "busy", { "retry-after": "7" }), { reason: "Unavailable", retryAt: 7000 }],
    ["a 429", respond(429, "", { "retry-after": "9" }), { reason: "Unavailable", retryAt: 9000 }],
    ["a lost connection", MockClient.fail("ECONNRESET"), { reason: "Unavailable" }],
    ["a 401", respond(401, "Invalid signature"), { reason: "Rejected" }],
    ["a 401 with a challenge", respond(401, "", { "www-authenticate": 'OAuth realm="x"' }), { reason: "Rejected" }],
    ["a 404 page", respond(404, "<html>x</html>"), { reason: "Rejected" }],
    [
      "a problem",
      respond(401, "oauth_problem=signature_invalid&oauth_problem_advice=no"),
      { reason: "Rejected", error: "signature_invalid" }
    ],
    [
      "a problem with status 200",
      respond(200, "oauth_problem=nonce_used"),
      { reason: "Rejected", error: "nonce_used" }
    ],
    [
      "an error of the server in JSON",
      respond(401, { errors: [{ code: 32, message: "Could not authenticate you." }] }),
      { reason: "Rejected", error: "32" }
    ]
  ])("fails the sign-in typed for %s, after one request", ([, step, expected]) =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith([step])
      const error = yield* Effect.flip(signIn.start())
      expect(error).toMatchObject({ _tag: "TokenError", ...expected })
      showsNoSecret(error)
      expect(yield* mock.sent).toHaveLength(1)
    })
  )

  it.effect("explains a rejection, without a secret that it repeats", () =>
    Effect.gen(function* () {
      const messageOf = (text: string) =>
        Effect.gen(function* () {
          const { signIn } = yield* signInWith([respond(200, temporaryBody), respond(401, text)])
          const error = yield* Effect.flip(signIn.complete(yield* signIn.start(), callback))
          showsNoSecret(error)
          return error.message
        })
      expect(yield* messageOf("Invalid / expired Token")).toContain('answered 401 "Invalid / expired Token"')
      expect(yield* messageOf("HMAC-SHA1 is not supported")).toContain('answered 401 "HMAC-SHA1 is not supported"')
      for (const secret of [clientSecret, temporary.secret, temporary.token, verifier]) {
        expect(yield* messageOf(`wrong: ${secret}`)).not.toContain(secret)
      }
    })
  )
})

describe("the clock of OAuth1SignIn", () => {
  const dated = (ms: number) => ({ date: HttpDate.format(ms) })
  const timesOf = (sent: ReadonlyArray<MockClient.Sent>) =>
    sent.map((one) => [one.at / 1000, Number(parametersOf(one)["oauth_timestamp"])])

  it.effect("follows the server after a 401, for the next requests too", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { mock, signIn } = yield* signInWith([
        respond(401, "", dated(1_600_000)),
        respond(200, temporaryBody),
        respond(200, grantedBody)
      ])
      yield* signIn.complete(yield* signIn.start(), callback)
      expect(timesOf(yield* mock.sent)).toEqual([
        [1000, 1000],
        [1000, 1600],
        [1000, 1600]
      ])
    })
  )

  it.effect.each<readonly [string, Record<string, string>, number]>([
    ["sends two requests if the server rejects the corrected time too", dated(1_600_000), 2],
    ["sends one request for a 401 with the right time", dated(1_004_000), 1],
    ["sends one request for a 401 without a date", {}, 1]
  ])("%s", ([, headers, count]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_000)
      const { mock, signIn } = yield* signInWith(() => respond(401, "", headers))
      expect(yield* Effect.flip(signIn.start())).toMatchObject({ reason: "Rejected" })
      expect(yield* mock.sent).toHaveLength(count)
    })
  )
})

describe("OAuth1SignIn.make", () => {
  const transport = OAuth2.dangerouslyAllowHttpOnLoopback

  it.effect.each<readonly [string, Partial<OAuth1SignIn.Options>]>([
    ["clientId", { clientId: " " }],
    ["clientSecret", { clientSecret: Redacted.make("") }],
    ["realm", { realm: "a\n" }],
    ["temporaryCredentialsEndpoint", { temporaryCredentialsEndpoint: "http://photos.example.net/initiate" }],
    ["authorizationEndpoint", { authorizationEndpoint: "photos.example.net" }],
    ["tokenEndpoint", { tokenEndpoint: "http://127.0.0.1/token" }],
    ["tokenEndpoint", { tokenEndpoint: "http://photos.example.net/token", transport }],
    ["redirect URI", { redirectUri: "http://printer.example.com/ready" }],
    ["PLAINTEXT", { signatureMethod: "PLAINTEXT", transport }],
    ["parameters", { parameters: { oauth_token: "x" } }]
  ])("rejects an invalid %s", ([name, changes]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(signInWith(server, changes))
      expect(error).toMatchObject({ _tag: "InvalidRequest" })
      expect(error.message).toContain(name)
    })
  )

  it.effect("sends the secrets with PLAINTEXT over https", () =>
    Effect.gen(function* () {
      const { mock, signIn } = yield* signInWith([respond(200, temporaryBody)], { signatureMethod: "PLAINTEXT" })
      yield* signIn.start()
      const [sent] = yield* mock.sent
      expect(sent && parametersOf(sent)["oauth_signature"]).toBe(`${clientSecret}&`)
    })
  )

  it.effect("rejects parameters of one sign-in that the client sets itself", () =>
    Effect.gen(function* () {
      const { signIn } = yield* signInWith()
      expect(yield* Effect.flip(signIn.start({ oauth_token: "x" }))).toMatchObject({ _tag: "InvalidRequest" })
    })
  )
})
