/** Every scheme against challenges and other fields that are duplicate, missing, oversized or malformed. */
import * as Digest from "@countersign/auth/Digest"
import * as Challenge from "@countersign/protocol/Challenge"
import * as MockClient from "@countersign/testing/MockClient"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestContext from "effect/TestContext"
import { account, credentials } from "./schemes/credentials.js"
import { exchange } from "./schemes/exchange.js"
import { hostileFields, seeds } from "./schemes/hostile.js"
import { keys } from "./schemes/keys.js"
import type { Scheme } from "./schemes/received.js"
import { signatures } from "./schemes/signatures.js"

const schemes = [...credentials, ...signatures, ...keys]

/** A call ends in one of these ways. A defect fails the test. */
const outcomes = ["ChallengeUnsupported", "Forbidden", "InvalidRequest", "SchemeDowngraded", "Unauthorized"]

/** More requests than any scheme sends for one call: the first one, one for the challenge, and four replays. */
const maxRequests = 6

/** A server accepts header fields of about this size. */
const maxFieldLength = 16_384

/** A call takes milliseconds. The limit leaves room for a busy machine, and is far below quadratic time. */
const maxMillis = 2000

const checkRejected = (scheme: Scheme, status: number, fields: MockClient.Headers) =>
  Effect.gen(function* () {
    const since = performance.now()
    const made = yield* exchange(scheme, {
      call: (api) => api.post("/orders?q=1", { json: {} }),
      answer: () => MockClient.respond(status, "no", fields)
    })
    expect(performance.now() - since).toBeLessThan(maxMillis)
    expect(outcomes).toContain(made.outcome)
    expect(made.signed.length).toBeLessThanOrEqual(maxRequests)
    const lengths = made.signed.flatMap(({ headers }) => Object.values(headers).map(({ length }) => length))
    expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(maxFieldLength)
    return made.outcome
  })

/** The scheme with a server that sends the hostile field first, instead of its challenge. */
const challengedBy = (scheme: Scheme, fields: MockClient.Headers): ReadonlyArray<Scheme> => {
  const field = fields["www-authenticate"]
  return scheme.challenge === undefined || field === undefined
    ? [scheme]
    : [scheme, { ...scheme, challenge: typeof field === "string" ? field : field.join(", ") }]
}

describe("rejections", () => {
  it.scoped.each(schemes)("$name: fails typed, after few requests, for every hostile field", (scheme) =>
    Effect.gen(function* () {
      for (const [name, fields] of hostileFields) {
        for (const one of challengedBy(scheme, fields)) {
          for (const status of [401, 403]) {
            yield* Effect.annotateLogs(checkRejected(one, status, fields), { name })
          }
        }
      }
    })
  )

  it.scoped("ends typed for any mixture of valid and invalid fields", () =>
    Effect.promise(async () => {
      const noise = FastCheck.string({
        unit: FastCheck.constantFrom(...'\u0001",=; \\\t()[]:?*%az09', "\u007f", "\u00ff", ...seeds),
        maxLength: 20
      })
      const field = FastCheck.oneof(
        FastCheck.constantFrom(...seeds),
        noise,
        FastCheck.tuple(FastCheck.constantFrom(...seeds), FastCheck.nat(80), noise).map(
          ([seed, at, text]) => seed.slice(0, at) + text + seed.slice(at + 1)
        )
      )
      const fields = FastCheck.dictionary(
        FastCheck.constantFrom("www-authenticate", "dpop-nonce", "accept-signature", "date", "authentication-info"),
        field
      )
      await FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.constantFrom(...schemes),
          FastCheck.constantFrom(401, 403),
          fields,
          async (scheme, status, sent) => {
            for (const one of challengedBy(scheme, sent)) {
              await Effect.runPromise(
                Effect.scoped(Effect.provide(checkRejected(one, status, sent), TestContext.TestContext))
              )
            }
          }
        ),
        { numRuns: 300 }
      )
    })
  )
})

describe("Digest.makeResponder", () => {
  it.each(hostileFields)("answers or ignores the challenge of a proxy: %s", (_, fields) => {
    const field = fields["proxy-authenticate"] ?? fields["www-authenticate"] ?? ""
    const challenges = Challenge.parse(typeof field === "string" ? field : field.join(", "))
    const responder = Digest.makeResponder(account)
    const since = performance.now()
    let rejected: Digest.Signed | undefined
    let requests = 1
    while (responder.onRejected(challenges, rejected) && requests < 100) {
      requests += 1
      rejected = responder.sign("CONNECT", "api.test:443", rejected)
      expect(rejected?.field.length ?? 0).toBeLessThanOrEqual(maxFieldLength)
      // A server that calls every nonce stale would be answered without an end: the transport bounds it.
      if (String(field).includes("stale=true")) break
    }
    expect(requests).toBeLessThanOrEqual(3)
    expect(performance.now() - since).toBeLessThan(maxMillis)
  })
})
