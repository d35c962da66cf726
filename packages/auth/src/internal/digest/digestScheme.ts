/** Signs requests with Digest, reads the challenges of responses, and verifies the proofs of the server. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Auth from "@countersign/client/Auth"
import type { SchemeDowngraded } from "@countersign/client/Errors"
import { InvalidRequest } from "@countersign/client/Errors"
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

type DigestError = ChallengeUnsupported | ResponseNotAuthentic | SchemeDowngraded

type Request = HttpClientRequest.HttpClientRequest

type Signed = Auth.Signed<DigestError>

const streamed = new InvalidRequest({
  reason: "Body",
  detail:
    'the server wants the body in the digest (`qop` "auth-int"), and a streamed body or a form has no bytes yet. Send bytes or text.'
})

/** Whether a body has to be hashed, and by which protection a request is signed. */
const protectionOf = ({ challenge: { qop } }: Session, preferred: Protection | undefined): Protection | undefined =>
  preferred ?? (qop.includes("auth") ? "auth" : qop[0])

/** What the scheme knows of a signed request. */
interface Context {
  readonly session: Session
  readonly nonce: string
}

type Answered = Auth.Answered<Context, DigestError>

export class DigestScheme implements Auth.ChallengeScheme<Context, DigestError> {
  /** One for the challenge, and two for nonces that expire meanwhile. */
  readonly replay = 3
  readonly honorsDeadline = true
  readonly #spaces: ProtectionSpaces
  readonly #preferred: Protection | undefined

  constructor(acceptable: Acceptable) {
    this.#spaces = new ProtectionSpaces(acceptable)
    this.#preferred = acceptable.protection
  }

  signSync(request: Request, { origin }: URL): Answered | undefined {
    const url = Either.getOrUndefined(urlOf(request))
    const session = url?.origin === origin ? this.#spaces.find(url) : undefined
    if (url === undefined || session === undefined) return undefined
    const protection = protectionOf(session, this.#preferred)
    if (protection !== "auth-int") return this.#answered(request, url, session, protection, "")
    const body = bytesOf(request.body)
    const bodyHash = body && hashAtOnce(session.challenge.hash, body)
    return bodyHash === undefined ? undefined : this.#answered(request, url, session, protection, bodyHash)
  }

  sign(request: Request, url: URL): Effect.Effect<Answered, InvalidRequest> | undefined {
    const session = this.#spaces.find(url)
    if (session === undefined) return undefined
    return Effect.suspend(() => {
      const answered = this.signSync(request, url)
      return answered === undefined ? this.#signBody(request, session) : Effect.succeed(answered)
    })
  }

  #signBody(request: Request, session: Session): Effect.Effect<Answered, InvalidRequest> {
    return Effect.flatMap(urlOf(request), (url) => {
      const body = bytesOf(request.body)
      if (body === undefined) return Effect.fail(streamed)
      return Effect.map(hashInSteps(session.challenge.hash, body), (bodyHash) =>
        this.#answered(request, url, session, "auth-int", bodyHash)
      )
    })
  }

  #answered(
    request: Request,
    url: URL,
    session: Session,
    protection: Protection | undefined,
    bodyHash: string
  ): Answered {
    const { nonce } = session
    const uri = url.pathname + url.search
    const answer = session.answer({ method: request.method, uri, protection, bodyHash })
    const signed: Signed = {
      request: HttpClientRequest.setHeader(located(request, url), "authorization", answer.field),
      credential: nonce,
      onResponse: (response) => {
        if (response.status < 400) this.#spaces.accept(url, session)
        const { nextnonce } = infoOf(response)
        if (nextnonce !== undefined) session.continueWith(nextnonce)
      },
      verify: (response) => this.#verify(url, session, answer, response)
    }
    return { signed, context: { session, nonce } }
  }

  onChallenges(
    url: URL,
    challenges: ReadonlyArray<Challenge>,
    rejected: Auth.RejectedRequest<Context> | undefined
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
