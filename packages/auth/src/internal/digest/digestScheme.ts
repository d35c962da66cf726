/** Signs requests with Digest, reads the challenges of responses, and verifies the proofs of the server. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type * as Auth from "@countersign/client/Auth"
import { BoundedMap } from "@countersign/client/BoundedMap"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Signal from "@countersign/client/Signal"
import * as Transport from "@countersign/client/Transport"
import * as Challenge from "@countersign/protocol/Challenge"
import type { Protection } from "@countersign/protocol/DigestChallenge"
import * as DigestChallenge from "@countersign/protocol/DigestChallenge"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { ChallengeUnsupported, SchemeDowngraded } from "../../Errors.js"
import { ResponseNotAuthentic } from "../../Errors.js"
import { bytesOf } from "../schemes/bodyBytes.js"
import { located, urlOf } from "../schemes/signedUrl.js"
import { hashAtOnce, hashInSteps } from "./hashing.js"
import type { Acceptable, Probe, Verdict } from "./protectionSpaces.js"
import { ProtectionSpaces } from "./protectionSpaces.js"
import type { Answer, Session } from "./session.js"

type DigestError = ChallengeUnsupported | ResponseNotAuthentic | SchemeDowngraded

type Request = HttpClientRequest.HttpClientRequest

type Signed = Auth.Signed<DigestError>

const streamed = new InvalidRequest({
  reason: "Body",
  detail:
    'the server wants the body in the digest (`qop` "auth-int"), and a streamed body or a form has no bytes yet. Send bytes or text.'
})

/** Other requests wait this long for the challenge of the first one, in milliseconds. Then the next of them is sent without. */
const maxProbeMs = 10_000

/** The verdict of a 401 until the policy asks for it. A request that is interrupted in between leaves its verdict. */
const maxVerdicts = 1000

/** Whether a body has to be hashed, and by which protection a request is signed. */
const protectionOf = ({ challenge: { qop } }: Session, preferred: Protection | undefined): Protection | undefined =>
  preferred ?? (qop.includes("auth") ? "auth" : qop[0])

export class DigestScheme {
  readonly #spaces: ProtectionSpaces
  readonly #preferred: Protection | undefined
  readonly #verdicts = new BoundedMap<Verdict>(maxVerdicts)
  #requests = 0

  constructor(acceptable: Acceptable) {
    this.#spaces = new ProtectionSpaces(acceptable)
    this.#preferred = acceptable.protection
  }

  /** Undefined without a challenge, and for a body that takes long to hash. */
  signSync(request: Request): Signed | undefined {
    const url = Either.getOrUndefined(urlOf(request))
    const session = url && this.#spaces.find(url)
    if (url === undefined || session === undefined) return undefined
    const protection = protectionOf(session, this.#preferred)
    if (protection !== "auth-int") return this.#signed(request, url, session, protection, "")
    const body = bytesOf(request.body)
    const bodyHash = body && hashAtOnce(session.challenge.hash, body)
    return bodyHash === undefined ? undefined : this.#signed(request, url, session, protection, bodyHash)
  }

  /** Waits for the challenge of another request if there is one. */
  sign(request: Request): Effect.Effect<Signed, InvalidRequest> {
    return Effect.flatMap(urlOf(request), (url) => this.#signOrProbe(request, url))
  }

  #signOrProbe(request: Request, url: URL): Effect.Effect<Signed, InvalidRequest> {
    return Effect.suspend(() => {
      const session = this.#spaces.find(url)
      if (session !== undefined) {
        const signed = this.signSync(request)
        return signed === undefined ? this.#signBody(request, url, session) : Effect.succeed(signed)
      }
      const { probe } = this.#spaces.of(url.origin)
      return probe === undefined ? Effect.succeed(this.#probe(request, url)) : this.#awaitProbe(request, url, probe)
    })
  }

  #signBody(request: Request, url: URL, session: Session): Effect.Effect<Signed, InvalidRequest> {
    const body = bytesOf(request.body)
    if (body === undefined) return Effect.fail(streamed)
    return Effect.map(hashInSteps(session.challenge.hash, body), (bodyHash) =>
      this.#signed(request, url, session, "auth-int", bodyHash)
    )
  }

  #awaitProbe(request: Request, url: URL, probe: Probe): Effect.Effect<Signed, InvalidRequest> {
    return Effect.flatMap(Effect.timeoutOption(probe.wait(), maxProbeMs), (outcome) => {
      const hasResponse = Option.getOrElse(outcome, () => false)
      // Without a challenge, the server wants no credentials.
      if (hasResponse && this.#spaces.find(url) === undefined) return Effect.succeed(this.#unsigned(request, url))
      const state = this.#spaces.of(url.origin)
      if (state.probe === probe) state.probe = undefined
      return this.#signOrProbe(request, url)
    })
  }

  /** The first request to an origin is sent without credentials, and the others wait for its challenge. */
  #probe(request: Request, url: URL): Signed {
    const state = this.#spaces.of(url.origin)
    const probe: Probe = Signal.make()
    state.probe = probe
    const settle = (hasResponse: boolean) => {
      if (state.probe === probe) state.probe = undefined
      probe.complete(Exit.succeed(hasResponse))
    }
    const unsigned = this.#unsigned(request, url)
    return {
      ...unsigned,
      onResponse: (response) => {
        unsigned.onResponse(response)
        settle(true)
      },
      onNoResponse: () => settle(false)
    }
  }

  #unsigned(request: Request, url: URL) {
    const credential = ++this.#requests
    const onResponse = (response: HttpClientResponse): void => {
      if (response.status === 401) this.#judge(credential, url, response, undefined)
    }
    return { request, credential, onResponse }
  }

  #signed(request: Request, url: URL, session: Session, protection: Protection | undefined, bodyHash: string): Signed {
    const credential = ++this.#requests
    const { nonce } = session
    const uri = url.pathname + url.search
    const answer = session.answer({ method: request.method, uri, protection, bodyHash })
    return {
      request: HttpClientRequest.setHeader(located(request, url), "authorization", answer.field),
      credential,
      onResponse: (response) => {
        if (response.status === 401) this.#judge(credential, url, response, { session, nonce })
        else if (response.status < 400) this.#spaces.accept(url, session)
        const { nextnonce } = infoOf(response)
        if (nextnonce !== undefined) session.continueWith(nextnonce)
      },
      verify: (response) => this.#verify(url, session, answer, response)
    }
  }

  #judge(
    credential: number,
    url: URL,
    { headers }: HttpClientResponse,
    rejected: { readonly session: Session; readonly nonce: string } | undefined
  ): void {
    const challenges = Challenge.parse(headers["www-authenticate"] ?? "")
    this.#verdicts.set(String(credential), this.#spaces.onChallenges(url, challenges, rejected))
  }

  /** Whether a rejected request is sent again, or why the challenge is not answered. */
  onRejected({ credential }: Pick<Auth.Rejection, "credential">): Effect.Effect<boolean, DigestError> {
    return Effect.suspend(() => {
      const verdict = this.#verdicts.get(String(credential)) ?? false
      this.#verdicts.delete(String(credential))
      return typeof verdict === "boolean" ? Effect.succeed(verdict) : Effect.fail(verdict)
    })
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
    const body = bufferedBodyOf(response)
    return body === undefined ? fail(unreadBody) : Effect.flatMap(hashInSteps(session.challenge.hash, body), compare)
  }
}

/** The bytes of a body that was received with its response. */
const bufferedBodyOf = (response: HttpClientResponse): Uint8Array | undefined => {
  const bytes: unknown = Transport.bufferedBody in response ? response[Transport.bufferedBody] : undefined
  return bytes instanceof Uint8Array ? bytes : undefined
}

const wrongProof =
  "`rspauth` is wrong, so the server does not know the password, or the response was changed. Check the URL and the connection"

const unreadBody =
  'with `qop` "auth-int", the proof of the server includes the body, which `open` does not read first. Use a verb such as `get`'

const infoOf = ({ headers }: HttpClientResponse): DigestChallenge.AuthenticationInfo =>
  DigestChallenge.parseInfo(headers["authentication-info"] ?? "")
