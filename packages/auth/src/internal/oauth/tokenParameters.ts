/** The option `tokenParameters`: additional parameters of token requests, by grant type. */
import { InvalidRequest } from "@countersign/client/Errors"
import type { Fetch } from "../http/fetchAdapter.js"
import type { Client } from "./client.js"

/** Parameters that identify or authenticate the client or the grant. The option must not change them. */
const reserved: ReadonlySet<string> = new Set([
  "actor_token",
  "assertion",
  "client_assertion",
  "client_assertion_type",
  "client_id",
  "client_secret",
  "code",
  "code_verifier",
  "device_code",
  "grant_type",
  "redirect_uri",
  "refresh_token",
  "subject_token"
])

/** Why the option cannot be used; undefined if it can. */
export const problem = ({ tokenParameters }: Client): InvalidRequest | undefined => {
  const names = Object.values(tokenParameters ?? {}).flatMap((parameters) => Object.keys(parameters))
  const taken = names.find((name) => reserved.has(name))
  return taken === undefined
    ? undefined
    : new InvalidRequest({
        reason: "Body",
        detail: `\`tokenParameters\` has \`${taken}\`, which the client itself sets. Remove it, and use the option for it.`
      })
}

/** Adds the parameters of its grant to a token request. Parameters of the request are not replaced. */
export const withParameters = ({ tokenParameters }: Client, fetch: Fetch): Fetch => {
  if (tokenParameters === undefined) return fetch
  return (url, options) => {
    const { body } = options
    const more = body instanceof URLSearchParams ? tokenParameters[body.get("grant_type") ?? ""] : undefined
    if (more === undefined) return fetch(url, options)
    const extended = new URLSearchParams(body ?? "")
    for (const [name, value] of Object.entries(more)) if (!extended.has(name)) extended.set(name, value)
    return fetch(url, { ...options, body: extended })
  }
}
