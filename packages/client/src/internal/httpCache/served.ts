/** Responses that a cache makes, and how users recognize them. */
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import { storedResponse } from "../response/storedResponse.js"
import type { Stored } from "./stored.js"

/** How a stored response came to be used. */
export type Outcome = "Hit" | "Revalidated" | "Stale"

/** Parameters of the member of `Cache-Status` (RFC 9211 §2). */
const parameters: Readonly<Record<Outcome, string>> = {
  Hit: "hit",
  Revalidated: "fwd=stale; fwd-status=304",
  Stale: "hit; detail=stale"
}

const cacheStatus = (before: string | undefined, member: string): string =>
  `${before === undefined ? "" : `${before}, `}countersign; ${member}`

/** A stored response for a request. `Age` and `Cache-Status` say where it comes from. */
export const served = (
  request: HttpClientRequest,
  { body, fields, status }: Stored,
  outcome: Outcome,
  ageMs: number
): HttpClientResponse =>
  storedResponse(
    request,
    status,
    {
      ...fields,
      age: String(Math.min(2 ** 31, Math.floor(ageMs / 1000))),
      "cache-status": cacheStatus(fields["cache-status"], parameters[outcome])
    },
    request.method === "HEAD" ? new Uint8Array(0) : body
  )

/** The response to `only-if-cached` without a usable stored response (RFC 9111 §5.2.1.7). */
export const notCached = (request: HttpClientRequest): HttpClientResponse =>
  storedResponse(
    request,
    504,
    { "cache-status": cacheStatus(undefined, "detail=only-if-cached"), "content-length": "0" },
    new Uint8Array(0)
  )
