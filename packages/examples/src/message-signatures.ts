/** HTTP Message Signatures: signed requests, verified responses, and Web Bot Auth. */
import type { ResponseNotAuthentic } from "@countersign/auth/Errors"
import * as MessageSignature from "@countersign/auth/MessageSignature"
import * as ApiClient from "@countersign/client/ApiClient"
import * as Auth from "@countersign/client/Auth"
import * as Protocol from "@countersign/protocol/MessageSignature"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// #region sign
export class Api extends ApiClient.Tag("app/Api")<Api>() {}

const SignedLive = MessageSignature.layerConfig({
  // {"kty":"OKP","crv":"Ed25519","kid":"my-key","x":"…","d":"…"}
  jwk: Config.redacted("API_SIGNING_KEY"),
  expiresIn: "1 minute"
})

export const ApiLive = Api.layer({ baseUrl: "https://api.example.com", auth: SignedLive })
// #endregion

// #region verify
class Bank extends ApiClient.Tag("app/Bank")<Bank, ResponseNotAuthentic>() {}

const VerifiedLive = Auth.layerEffect(
  Effect.gen(function* () {
    const key = yield* MessageSignature.fromJwk(yield* Config.redacted("BANK_SIGNING_KEY"))
    const serverKey = yield* MessageSignature.fromJwk(yield* Config.redacted("BANK_PUBLIC_KEY"))
    return MessageSignature.verifyResponses(MessageSignature.make({ key }), {
      keys: [serverKey],
      components: [
        "@status",
        "content-digest",
        // Without them, an attacker can send the signed response of another request.
        Protocol.component("@method", { req: true }),
        Protocol.component("@target-uri", { req: true })
      ]
    })
  })
)

export const BankLive = Bank.layer({ baseUrl: "https://bank.example.com", auth: VerifiedLive })
// #endregion

// #region errors
export const printBalance = Effect.gen(function* () {
  const bank = yield* Bank
  const response = yield* bank.get("/balance")
  yield* Console.log(yield* response.json)
}).pipe(
  Effect.catchTags({
    ResponseNotAuthentic: ({ message }) => Console.log(message),
    Unauthorized: ({ message }) => Console.log(message),
    InvalidRequest: ({ message }) => Console.log(message)
  })
)
// #endregion

// #region bot
export class Site extends ApiClient.Tag("app/Site")<Site>() {}

const BotLive = Layer.unwrapEffect(
  Effect.gen(function* () {
    // Its `kid` is the JWK thumbprint (RFC 7638), which becomes the `keyid`.
    const key = yield* MessageSignature.fromJwk(yield* Config.redacted("BOT_SIGNING_KEY"))
    return MessageSignature.layer({
      key,
      components: ["@authority", Protocol.component("signature-agent", { key: "bot" })],
      tag: "web-bot-auth",
      expiresIn: "1 minute",
      nonce: true
    })
  })
)

export const SiteLive = Site.layer({
  baseUrl: "https://site.example.com",
  userAgent: "news-bot/1.0",
  headers: { "signature-agent": 'bot="https://bot.example.com"' },
  auth: BotLive
})
// #endregion
