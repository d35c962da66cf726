/** ID tokens with additional audiences, but without an authorized party (`azp`). */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as oauth from "oauth4webapi"
import type { Claims } from "../../IdToken.js"
import * as Jwt from "../jwt/parseJwt.js"
import type { Client } from "../oauth/client.js"
import type { Context } from "../oauth/serverClient.js"

const encoder = new TextEncoder()

/**
 * The ID token with `azp` added, if `complianceFixes.audiences` contains all its other audiences. Undefined if the token
 * needs no change. The library rejects a token with several audiences and without `azp`. The signature of the original
 * token is checked, see {@link withoutParty}.
 */
export const authorized = (
  idToken: string,
  { clientId, complianceFixes }: Pick<Client, "clientId" | "complianceFixes">
): string | undefined => {
  const { audiences } = complianceFixes ?? {}
  const parts = Jwt.parse(idToken)
  if (audiences === undefined || Either.isLeft(parts)) return undefined
  const { claims } = parts.right
  const { aud, azp } = claims
  if (azp !== undefined || !Array.isArray(aud) || aud.length < 2) return undefined
  if (!aud.every((audience) => audience === clientId || audiences.includes(String(audience)))) return undefined
  const [header = "", , signature = ""] = idToken.split(".")
  const payload = Encoding.encodeBase64Url(encoder.encode(JSON.stringify({ ...claims, azp: clientId })))
  return `${header}.${payload}.${signature}`
}

/** The claims without the added `azp`, and a response from which the library reads the original ID token. */
export const withoutParty = async (
  claims: Claims | undefined,
  idToken: string,
  { client, server }: Context
): Promise<{ readonly claims: Claims | undefined; readonly response: Response }> => {
  const response = new Response(idToken, { headers: { "content-type": "application/jwt" } })
  // This is the library's only function that reads such a signed JWT and does not check its audiences.
  const as = {
    ...server,
    userinfo_signing_alg_values_supported: server.id_token_signing_alg_values_supported ?? ["RS256"]
  }
  await oauth.processUserInfoResponse(as, client, oauth.skipSubjectCheck, response)
  if (claims === undefined) return { claims, response }
  const { azp: _, ...own } = claims
  return { claims: own, response }
}
