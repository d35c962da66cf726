/** What the response of a running operation says, and where the next one is. */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Link from "@countersign/protocol/Link"
import * as Redirect from "@countersign/protocol/Redirect"
import * as Schema from "effect/Schema"
import { isObject } from "../request/optionKinds.js"
import { urlOfResponse } from "../response/responseUrl.js"

/** See `Operation.State`. */
export type State = "running" | "succeeded" | "failed" | "canceled"

/** See `Operation.Position`. */
export interface Position {
  /** URL of the status. */
  readonly status: string
  /** URL of the result, if it is known already. */
  readonly result?: string
}

/** The schema of a position, for one that was stored. */
export const Position: Schema.Schema<Position> = Schema.Struct({
  status: Schema.String,
  result: Schema.optionalWith(Schema.String, { exact: true })
})

/** Words of a member `status` in lower case, without blanks and signs. */
const words: ReadonlyMap<string, State> = new Map([
  ...[
    "running",
    "notstarted",
    "inprogress",
    "pending",
    "accepted",
    "queued",
    "processing",
    "started",
    "starting",
    "scheduled",
    "waiting",
    "creating",
    "updating",
    "deleting"
  ].map((word) => [word, "running"] as const),
  ...["succeeded", "success", "completed", "complete", "done", "finished"].map((word) => [word, "succeeded"] as const),
  ...["failed", "failure", "error", "errored"].map((word) => [word, "failed"] as const),
  ...["canceled", "cancelled", "aborted"].map((word) => [word, "canceled"] as const)
])

const stateOfWord = (status: unknown): State | undefined =>
  typeof status === "string"
    ? words.get(
        status
          .slice(0, 40)
          .toLowerCase()
          .replaceAll(/[^a-z]/g, "")
      )
    : undefined

/** The state of a body with `done`, as Google has it. */
const stateOfDone = ({ done, error }: Readonly<Record<string, unknown>>): State | undefined => {
  if (typeof done !== "boolean") return undefined
  if (!done) return "running"
  return error === undefined || error === null ? "succeeded" : "failed"
}

/** See `Operation.stateOf`. */
export const stateOf = (body: unknown, response: HttpClientResponse): State => {
  const found = isObject(body) ? (stateOfWord(body["status"]) ?? stateOfDone(body)) : undefined
  return found ?? (response.status === 202 ? "running" : "succeeded")
}

const absolute = (field: string | undefined, response: HttpClientResponse): string | undefined => {
  const [reference] = field === undefined ? [] : Redirect.references(field)
  return reference === undefined ? undefined : Link.resolve(reference, urlOfResponse(response))
}

/** The field of a response with the URL of the status. `Location` only has it in a 202, because it names the result in a 201. */
export const statusField = ({ headers, status }: HttpClientResponse): string | undefined =>
  headers["operation-location"] ?? headers["azure-asyncoperation"] ?? (status === 202 ? headers["location"] : undefined)

const methodsOfResources: ReadonlySet<string> = new Set(["PUT", "PATCH"])

/** Where the result will be, if the first response says so. A changed resource is its own result. */
const firstResult = (response: HttpClientResponse): string | undefined => {
  const { headers, request } = response
  if (methodsOfResources.has(request.method)) return urlOfResponse(response)
  const isStatus = statusField(response) === headers["location"]
  return isStatus ? undefined : absolute(headers["location"], response)
}

/** The position after the response that started the operation. Undefined if its URL is invalid. */
export const startAt = (response: HttpClientResponse): Position | undefined => {
  const status = absolute(statusField(response), response)
  if (status === undefined) return undefined
  const result = firstResult(response)
  return result === undefined ? { status } : { status, result }
}

/** The position after a response about the status. It may name another URL. */
export const moveTo = (position: Position, response: HttpClientResponse): Position => {
  const status = absolute(statusField(response), response)
  return status === undefined ? position : { ...position, status }
}

/**
 * The URL of the result, if it is not in the last response. A relative one is relative to that response.
 *
 * @param named - the URL that the caller found in the body.
 */
export const resultUrl = (
  position: Position,
  body: unknown,
  response: HttpClientResponse,
  named: string | undefined
): string | undefined => {
  const location = named ?? (isObject(body) ? body["resourceLocation"] : undefined)
  return (typeof location === "string" ? Link.resolve(location, urlOfResponse(response)) : undefined) ?? position.result
}
