/** Clients that something is wrong with between them and the server. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"

const sending = (http: Client["http"]): Client => ({ ...ours, http })

const formOf = ({ body }: HttpClientRequest.HttpClientRequest): URLSearchParams | undefined =>
  body._tag === "Uint8Array" ? new URLSearchParams(new TextDecoder().decode(body.body)) : undefined

/** Leaves a parameter out of every form. */
const leavingOut = (name: string): Client =>
  sending(
    HttpClient.mapRequest((request) => {
      const form = formOf(request)
      if (form?.has(name) !== true) return request
      form.delete(name)
      const body = HttpBody.text(form.toString(), "application/x-www-form-urlencoded")
      return HttpClientRequest.setBody(request, body)
    })
  )

export const withoutVerifier: Client = leavingOut("code_verifier")

export const withoutResource: Client = leavingOut("resource")

export const withoutScope: Client = leavingOut("scope")

/** Has no idea of the server's time. */
export const withoutDate: Client = sending((transport) =>
  HttpClient.transformResponse(
    transport,
    Effect.map((response) => {
      const { date: _, ...headers } = response.headers
      return new Proxy(response, {
        // The rest is as it was, for what the response keeps in private members, too.
        get: (target, name): unknown => (name === "headers" ? headers : Reflect.get(target, name, target))
      })
    })
  )
)

const hasNonce = (proof: string): boolean =>
  "nonce" in JSON.parse(Buffer.from(proof.split(".")[1] ?? "", "base64url").toString())

/** One proof is good for all requests to a URL, once it has the nonce. */
export const sameProof: Client = sending((transport) => {
  const proofs = new Map<string, string>()
  return HttpClient.mapRequest(transport, (request) => {
    const { authorization = "", dpop } = request.headers
    if (dpop === undefined || !authorization.startsWith("DPoP ") || !hasNonce(dpop)) return request
    const first = proofs.get(request.url) ?? dpop
    proofs.set(request.url, first)
    return HttpClientRequest.setHeader(request, "dpop", first)
  })
})

type Body = Readonly<Record<string, unknown>>

/** What the token endpoint answers is made into something else before it is looked at. */
export const rewriting =
  (change: (body: Body) => Body): Client["http"] =>
  (transport) =>
    HttpClient.transformResponse(
      transport,
      Effect.flatMap((response) => {
        if (!response.request.url.endsWith("/token")) return Effect.succeed(response)
        const { headers, status } = response
        return Effect.map(response.json, (body) =>
          HttpClientResponse.fromWeb(
            response.request,
            Response.json(change(Object(body)), { status, headers: { date: headers["date"] ?? "" } })
          )
        )
      })
    )

/** What an answer lacks is taken to be what it mostly is. */
export const presumptuous: Client = sending(
  rewriting((body) => ({ access_token: "made-up", ...body, token_type: "Bearer" }))
)

/** Takes a code of an error for another one. */
const mistaking = (code: string): Client =>
  sending(rewriting((body) => (body["error"] === code ? { error: "authorization_pending" } : body)))

/** Does not slow down. */
export const unslowed: Client = mistaking("slow_down")

/** Does not take no for an answer. */
export const undeterred: Client = mistaking("access_denied")
