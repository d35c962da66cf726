/** Finds the message of the server in the body of an error response. It does not make the text safe to print. */
import type { Problem } from "../../Problem.js"

/** A path in a JSON document. `0` is the first item of a list. */
type Path = ReadonlyArray<string | 0>

/**
 * Where APIs put the message. The first path with a text is used. Messages come before titles and codes.
 *
 * | path | used by |
 * |---|---|
 * | `message`, `Message` | GitHub, Spring, NestJS, AWS |
 * | `error.message` | Google, Azure, Stripe, OpenAI, Anthropic |
 * | `error_description` | OAuth 2.0 (RFC 6749 §5.2) |
 * | `errors[0].message`, `errors[0].detail`, `errors[0].title`, `errors[0]` | GraphQL, Cloudflare, JSON:API, Rails |
 * | `detail`, `detail[0].msg` | Django REST framework, FastAPI |
 * | `error.reason` | Elasticsearch |
 * | `error` | Slack, and frameworks that send no other text |
 * | `title` | ASP.NET |
 * | `msg`, `description` | other APIs, such as Telegram |
 * | `errorMessage`, `errorMessages[0]` | AWS Lambda, Jira |
 * | `fault.faultstring` | Apigee |
 * | the first member of `errors`, with its name | Rails, ASP.NET |
 */
const paths: ReadonlyArray<Path> = [
  ["message"],
  ["Message"],
  ["error", "message"],
  ["error_description"],
  ["errors", 0, "message"],
  ["errors", 0, "detail"],
  ["errors", 0, "title"],
  ["errors", 0],
  ["detail"],
  ["detail", 0, "msg"],
  ["error", "reason"],
  ["error"],
  ["title"],
  ["msg"],
  ["description"],
  ["errorMessage"],
  ["errorMessages", 0],
  ["fault", "faultstring"]
]

/** The value of an own data property. An accessor is not called, and inherited members are ignored. */
const member = (value: unknown, key: string | 0): unknown => {
  if (typeof value !== "object" || value === null || (key === 0 && !Array.isArray(value))) return undefined
  const found: unknown = Object.getOwnPropertyDescriptor(value, key)?.value
  return found
}

/** A text that is not blank. NestJS sends a list of texts as `message`: the first one is used. */
const textOf = (value: unknown): string | undefined => {
  const first = Array.isArray(value) ? member(value, 0) : value
  return typeof first === "string" && first.trim() !== "" ? first.trim() : undefined
}

/** The server's message in a JSON document. Salesforce sends a list of errors: the first one is used. */
export const messageOfJson = (json: unknown): string | undefined => {
  const document = Array.isArray(json) ? member(json, 0) : json
  if (typeof document === "string") return textOf(document)
  for (const path of paths) {
    let value = document
    for (const key of path) value = member(value, key)
    const text = textOf(value)
    if (text !== undefined) return text
  }
  return firstOfMembers(member(document, "errors"))
}

/** `{ "name": ["is blank"] }` as `name: is blank`. */
const firstOfMembers = (errors: unknown): string | undefined => {
  if (typeof errors !== "object" || errors === null || Array.isArray(errors)) return undefined
  // A server may send a million members.
  for (const name in errors) {
    const text = textOf(member(errors, name))
    return text === undefined ? undefined : `${name}: ${text}`
  }
  return undefined
}

/** The server's message in a plain text: its first line that is not blank. HTML and XML have none. */
export const messageOfText = (text: string): string | undefined => {
  const line = text
    .trimStart()
    .split(/[\r\n]/, 1)[0]
    ?.trim()
  return line === undefined || line === "" || line.startsWith("<") ? undefined : line
}

/** The message of problem details: the summary and the explanation. */
export const messageOfProblem = (problem: Problem | undefined): string | undefined => {
  const title = textOf(problem?.title)
  const detail = textOf(problem?.detail)
  if (title === undefined || detail?.startsWith(title) === true) return detail
  return detail === undefined ? title : `${title}: ${detail}`
}
