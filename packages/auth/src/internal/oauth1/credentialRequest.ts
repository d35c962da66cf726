/** Signed requests to the endpoints of a server (RFC 5849 §2.1, §2.3). */
import type { InvalidRequest } from "@countersign/client/Errors"
import * as Message from "@countersign/protocol/OAuth1"
import type { TokenError } from "../../Errors.js"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ServerRequest } from "../http/fetchAdapter.js"
import type { ServerResponse } from "../response/receivedResponse.js"
import type { ServerClocks } from "../schemes/serverClocks.js"
import type { Signer } from "./signing.js"
import { signedParameters } from "./signing.js"
import * as Redacted from "effect/Redacted"

/** How requests are sent. */
export interface Sender {
  readonly exchange: ServerRequest
  readonly clocks: ServerClocks
  readonly realm: string | undefined
}

const attempt = (
  { clocks, exchange, realm }: Sender,
  url: URL,
  signer: Signer,
  further: ReadonlyArray<Message.Parameter>
): Effect.Effect<ServerResponse, TokenError | InvalidRequest> =>
  Effect.gen(function* () {
    const now = (yield* Clock.currentTimeMillis) + clocks.skewOf(url.origin)
    const parameters = yield* signedParameters(HttpClientRequest.post(url.href), url, signer, now, further)
    const headers = { authorization: Message.format(parameters, realm) }
    const { clientSecret, token, tokenSecret } = signer
    const sent = parameters.flatMap(([name, value]) => (/(?:token|signature|verifier)$/.test(name) ? [value] : []))
    const secrets = [clientSecret, token, tokenSecret, ...sent.map((text) => Redacted.make(text))]
    return yield* exchange.received(
      (fetch) => fetch(url.href, { method: "POST", headers }),
      secrets.filter((secret) => secret !== undefined)
    )
  })

/** Sends a request, and once more if its 401 shows that the clock was wrong. */
export const send = (
  sender: Sender,
  endpoint: string,
  signer: Signer,
  further: ReadonlyArray<Message.Parameter>
): Effect.Effect<ServerResponse, TokenError | InvalidRequest> =>
  Effect.gen(function* () {
    const url = new URL(endpoint)
    const { clocks } = sender
    const signedTime = { origin: url.origin, skewMs: clocks.skewOf(url.origin) }
    const received = yield* attempt(sender, url, signer, further)
    if (received.status !== 401 || received.clockSkew === undefined) return received
    clocks.correct(url.origin, received.clockSkew)
    return clocks.isCorrected(signedTime) ? yield* attempt(sender, url, signer, further) : received
  })
