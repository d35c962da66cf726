/** Clients with changed requests or responses. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { Client } from "../../../src/Client.js"
import { ours } from "../../../src/Client.js"

const withHttp = (http: Client["http"]): Client => ({ ...ours, http })

const formOf = ({ body }: HttpClientRequest.HttpClientRequest): URLSearchParams | undefined =>
  body._tag === "Uint8Array" ? new URLSearchParams(new TextDecoder().decode(body.body)) : undefined

/** Removes a parameter from every form. */
const withoutParameter = (name: string): Client =>
  withHttp(
    HttpClient.mapRequest((request) => {
      const form = formOf(request)
      if (form?.has(name) !== true) return request
      form.delete(name)
      const body = HttpBody.text(form.toString(), "application/x-www-form-urlencoded")
      return HttpClientRequest.setBody(request, body)
    })
  )

export const withoutVerifier: Client = withoutParameter("code_verifier")

export const withoutResource: Client = withoutParameter("resource")

export const withoutScope: Client = withoutParameter("scope")

/** Removes `date` from responses, so that the client does not see the server's time. */
export const withoutDate: Client = withHttp((transport) =>
  HttpClient.transformResponse(
    transport,
    Effect.map((response) => {
      const { date: _, ...headers } = response.headers
      return new Proxy(response, {
        // The original is the receiver, because the response has private members.
        get: (target, name): unknown => (name === "headers" ? headers : Reflect.get(target, name, target))
      })
    })
  )
)

const hasNonce = (proof: string): boolean =>
  "nonce" in JSON.parse(Buffer.from(proof.split(".")[1] ?? "", "base64url").toString())

/** Sends one proof with a nonce for all requests to a URL. */
export const reusesDpopProof: Client = withHttp((transport) => {
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

/** Rewrites the token endpoint's response before the client reads it. */
export const rewriteTokenResponse =
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

/** Adds a missing access token, and always the token type Bearer. */
export const fillsMissingTokenType: Client = withHttp(
  rewriteTokenResponse((body) => ({ access_token: "made-up", ...body, token_type: "Bearer" }))
)

/** Treats an error code as `authorization_pending`. */
const replacesErrorCode = (code: string): Client =>
  withHttp(rewriteTokenResponse((body) => (body["error"] === code ? { error: "authorization_pending" } : body)))

/** Ignores `slow_down`. */
export const ignoresSlowDown: Client = replacesErrorCode("slow_down")

/** Ignores `access_denied`. */
export const ignoresAccessDenied: Client = replacesErrorCode("access_denied")
