/** Reads the body of an error response for the fields of its error. */
import * as Redact from "@countersign/protocol/Redact"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Problem from "../../Problem.js"
import { messageOfJson, messageOfProblem, messageOfText } from "../errors/serverMessage.js"
import type { BufferedResponse } from "./clientResponse.js"
import { bufferedBody } from "./bodyReader.js"
import { maxErrorBytes } from "./readBody.js"
import { makeResponseRedactor } from "./redactEchoedCredentials.js"

/** What the body of an error response says. */
export interface ErrorBody {
  /** The parsed JSON. Undefined if the body is not JSON. */
  readonly json: unknown
  readonly problem: Problem.Problem | undefined
  /** The message of the server, safe to print. */
  readonly serverMessage: string | undefined
}

/** The body that says nothing. */
export const noErrorBody: ErrorBody = { json: undefined, problem: undefined, serverMessage: undefined }

const maxMessageLength = 200

const parseJson = (text: string): unknown => {
  try {
    const json: unknown = JSON.parse(text)
    return json
  } catch {
    return undefined
  }
}

const isPlainText = (contentType: string | undefined): boolean =>
  contentType?.split(";", 1)[0]?.trim().toLowerCase() === "text/plain"

/** A message of the server as one line that is safe to print. */
export const printableMessage = (message: string, redact: (text: string, limit?: number) => string): string => {
  // Credentials may contain white space, so they are redacted before white space is collapsed.
  const line = redact(message, maxMessageLength).replaceAll(/\s+/g, " ")
  return Redact.text(line, maxMessageLength)
}

const errorBodyOf = (response: BufferedResponse, text: string): ErrorBody => {
  const contentType = response.headers["content-type"]
  const redact = makeResponseRedactor(response)
  // Like `schema`, this looks at the content: some servers send JSON as text/plain or as text/html.
  const json = parseJson(text)
  const problem = Problem.isProblem(contentType) ? Option.getOrUndefined(Problem.fromUnknown(json, redact)) : undefined
  const message =
    messageOfProblem(problem) ??
    messageOfJson(json) ??
    (json === undefined && isPlainText(contentType) ? messageOfText(text) : undefined)
  if (message === undefined) return { json, problem, serverMessage: undefined }
  return { json, problem, serverMessage: printableMessage(message, redact) }
}

/** Reads the body of an error response. A body of more than 64 KiB is not an error message, and is not parsed. */
export const readErrorBody = (response: BufferedResponse): Effect.Effect<ErrorBody> => {
  const { length } = response[bufferedBody]
  return length === 0 || length > maxErrorBytes
    ? Effect.succeed(noErrorBody)
    : Effect.orElseSucceed(
        Effect.map(response.text, (text) => errorBodyOf(response, text)),
        () => noErrorBody
      )
}
