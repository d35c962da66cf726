/** Signs requests with Digest, reads the challenges of responses, and verifies the proofs of the server. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Auth from "@countersign/client/Auth"
import type { SchemeDowngraded } from "@countersign/client/Errors"
import { InvalidRequest } from "@countersign/client/Errors"
import * as RequestBody from "@countersign/client/RequestBody"
import type { Challenge } from "@countersign/protocol/Challenge"
import type { Protection } from "@countersign/protocol/DigestChallenge"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ChallengeUnsupported } from "../../Errors.js"
import { ResponseNotAuthentic } from "../../Errors.js"
import { bytesOf, receivedBytesOf } from "../schemes/bodyBytes.js"
import { located, urlOf } from "../schemes/signedUrl.js"
import { hashAtOnce, hashInSteps } from "./hashing.js"
import type { Acceptable } from "./protectionSpaces.js"
import { ProtectionSpaces, strengthOf } from "./protectionSpaces.js"
import type { Answer, Session } from "./session.js"
import type { SentRequest, Space } from "./space.js"

type DigestError = ChallengeUnsupported | ResponseNotAuthentic | SchemeDowngraded

type Request = HttpClientRequest.HttpClientRequest

type Signed = Auth.Signed<DigestError>

const streamed = new InvalidRequest({
  reason: "Body",
  detail:
    'the server wants the body in the digest (`qop` "auth-int"), and a streamed body or a form has no bytes yet. Send bytes or text.'
})

/** Whether a body has to be hashed, and by which protection a request is signed. */
const protectionOf = (
  { qop }: DigestChallenge.DigestChallenge,
  preferred: Protection | undefined
): Protection | undefined => preferred ?? (qop.includes("auth") ? "auth" : qop[0])

/** The session of a replay is that of its own 401. Undefined for a request without credentials. */
const nextSession = (space: Space, { body }: Request, rejected: SentRequest | undefined): Session | undefined => {
  if (rejected?.needsChallenge === true) return undefined
  // A body that can be read once cannot be sent again after a challenge, so the shared nonce is the only chance.
  return rejected?.next ?? space.take() ?? (RequestBody.isReplayable(body) ? undefined : space.shared)
}

type Answered = Auth.Answered<SentRequest, DigestError>

export class DigestScheme implements Auth.ChallengeScheme<SentRequest, DigestError> {
  /** One for the challenge, and three for nonces that expire or are used up meanwhile. */
  readonly replay = 4
  readonly honorsDeadline = true
  readonly #spaces: ProtectionSpaces
  readonly #preferred: Protection | undefined

  constructor(acceptable: Acceptable) {
    this.#spaces = new ProtectionSpaces(acceptable)
    this.#preferred = acceptable.protection
  }

  signSync(request: Request, { origin }: URL): Answered | undefined {
    const url = Either.getOrUndefined(urlOf(request))
    const space = url?.origin === origin ? this.#spaces.find(url) : undefined
    if (url === undefined || space === undefined) return undefined
    const { challenge } = space.shared
    const bodyHash = this.#bodyHash(request, challenge)
    return bodyHash === undefined
      ? undefined
      : this.#answered(request, url, space, nextSession(space, request, undefined), bodyHash)
  }

  sign(
    request: Request,
    url: URL,
    rejected?: Auth.RejectedRequest<SentRequest>
  ): Effect.Effect<Answered, InvalidRequest> | undefined {
    const space = this.#spaces.find(url)
    if (space === undefined) return undefined
    return Effect.flatMap(urlOf(request), (located) => {
      const session = nextSession(space, request, rejected?.context)
      const { challenge } = session ?? space.shared
      const bodyHash = session === undefined ? "" : this.#bodyHash(request, challenge)
      if (bodyHash !== undefined) return Effect.succeed(this.#answered(request, located, space, session, bodyHash))
      const body = bytesOf(request.body)
      if (body === undefined) return Effect.fail(streamed)
      return Effect.map(hashInSteps(challenge.hash, body), (hash) =>
        this.#answered(request, located, space, session, hash)
      )
    })
  }

  /** Empty if the digest does not cover the body. Undefined if the hash cannot be computed at once. */
  #bodyHash({ body }: Request, challenge: DigestChallenge.DigestChallenge): string | undefined {
    if (protectionOf(challenge, this.#preferred) !== "auth-int") return ""
    const bytes = bytesOf(body)
    return bytes && hashAtOnce(challenge.hash, bytes)
  }

  /** @param session - undefined for a request that is sent without credentials, to get a nonce of its own. */
  #answered(request: Request, url: URL, space: Space, session: Session | undefined, bodyHash: string): Answered {
    const context: SentRequest = { session, next: undefined, needsChallenge: false }
    if (session === undefined) return { signed: { request: located(request, url), credential: "" }, context }
    const protection = protectionOf(session.challenge, this.#preferred)
    const uri = url.pathname + url.search
    const answer = session.answer({ method: request.method, uri, protection, bodyHash })
    const signed: Signed = {
      request: HttpClientRequest.setHeader(located(request, url), "authorization", answer.field),
      credential: session.nonce,
      onResponse: (response) => {
        if (response.status === 401) return
        space.accept(session, infoOf(response).nextnonce)
        if (response.status < 400) this.#spaces.accept(url, session.challenge.hash)
      },
      verify: (response) => this.#verify(url, session, answer, response)
    }
    return { signed, context }
  }

  onChallenges(
    url: URL,
    challenges: ReadonlyArray<Challenge>,
    rejected: Auth.RejectedRequest<SentRequest> | undefined
  ): Auth.Decision<DigestError> {
    const decision = this.#spaces.onChallenges(url, challenges, rejected?.context)
    return typeof decision === "boolean" ? decision : () => Effect.fail(decision)
  }

  offer(challenges: ReadonlyArray<Challenge>, { origin }: URL): Auth.Offer | undefined {
    const best = this.#spaces.strongest(origin, challenges)
    if (best === undefined || "_tag" in best) return undefined
    return { name: `Digest ${best.hash}`, strength: Auth.strengths.digest + strengthOf(best.hash) }
  }

  #verify(
    { origin }: URL,
    session: Session,
    { message }: Answer,
    response: HttpClientResponse
  ): Effect.Effect<void, ResponseNotAuthentic> | undefined {
    const { rspauth } = infoOf(response)
    if (rspauth === undefined) return undefined
    const fail = (detail: string) => Effect.fail(new ResponseNotAuthentic({ origin, detail }))
    const compare = (bodyHash: string) =>
      session.expectedProof(message, bodyHash) === rspauth ? Effect.void : fail(wrongProof)
    if (message.qop?.protection !== "auth-int") return compare("")
    const body = receivedBytesOf(response)
    return body === undefined ? fail(unreadBody) : Effect.flatMap(hashInSteps(session.challenge.hash, body), compare)
  }
}

const wrongProof =
  "`rspauth` is wrong, so the server does not know the password, or the response was changed. Check the URL and the connection"

const unreadBody =
  'with `qop` "auth-int", the proof of the server includes the body, which `open` does not read first. Use a verb such as `get`'

const infoOf = ({ headers }: HttpClientResponse): DigestChallenge.AuthenticationInfo =>
  DigestChallenge.parseInfo(headers["authentication-info"] ?? "")
