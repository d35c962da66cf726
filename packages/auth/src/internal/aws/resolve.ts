/** What a signature needs besides the request: region, service and valid credentials. */
import { InvalidRequest } from "@countersign/client/Errors"
import * as AwsSignature from "@countersign/protocol/AwsSignature"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Credentials, Source } from "./credentials.js"

/** An error for one part of a request. */
export const invalid = (reason: InvalidRequest["reason"], detail: string): InvalidRequest =>
  new InvalidRequest({ reason, detail })

/** Region and service, given or from the host name. */
export const endpointOf = (
  { region, service }: { readonly region?: string | undefined; readonly service?: string | undefined },
  url: URL
): Effect.Effect<AwsSignature.Endpoint, InvalidRequest> => {
  const found = AwsSignature.endpointOf(url.hostname)
  const endpoint = { region: region ?? found.region, service: service ?? found.service }
  if (endpoint.region && endpoint.service) {
    return Effect.succeed({ region: endpoint.region, service: endpoint.service })
  }
  const missing = endpoint.region ? "service" : "region"
  return Effect.fail(invalid("Options", `the host name \`${url.hostname}\` shows no ${missing}. Set \`${missing}\`.`))
}

/** Whether the option is a source, and not an access key. */
export const isSource = <E>(credentials: Credentials | Source<E>): credentials is Source<E> => "get" in credentials

/** What is wrong with an access key. */
const credentialProblem = ({ accessKeyId, secretAccessKey, sessionToken }: Credentials): string | undefined => {
  if (!/^[\w-]+$/.test(accessKeyId)) return "`accessKeyId` is empty or has a character that no access key id has"
  if (Redacted.value(secretAccessKey).trim() === "") return "`secretAccessKey` is empty"
  if (sessionToken === undefined) return undefined
  return /^[!-~]+$/.test(Redacted.value(sessionToken))
    ? undefined
    : "`sessionToken` is empty, or has a space or line break"
}

const fromVariable = "Set the variable or the value that it comes from."

/** The current credentials. Fails if a part of them is empty. */
export const currentOf = <E>(credentials: Credentials | Source<E>): Effect.Effect<Credentials, E | InvalidRequest> =>
  Effect.flatMap(isSource(credentials) ? credentials.get : Effect.succeed(credentials), (current) => {
    const problem = credentialProblem(current)
    return problem === undefined
      ? Effect.succeed(current)
      : Effect.fail(invalid("Credentials", `${problem}. ${fromVariable}`))
  })

const payloads: ReadonlyArray<string | undefined> = ["signed", "chunked", "unsigned", undefined]

/** The error for options that cannot be right, before the first request. Without types, `payload` may be any value. */
export const problemOf = <E>(options: {
  readonly credentials: Credentials | Source<E>
  readonly region?: string | undefined
  readonly service?: string | undefined
  readonly payload?: string | undefined
}): InvalidRequest | undefined => {
  const { credentials, payload } = options
  const problem = isSource(credentials) ? undefined : credentialProblem(credentials)
  if (problem !== undefined) return invalid("Options", `${problem}. ${fromVariable}`)
  if (!payloads.includes(payload))
    return invalid("Options", '`payload` is not "signed", "chunked" or "unsigned". Set one.')
  const name = (["region", "service"] as const).find((one) => !/^[\w.-]+$/.test(options[one] ?? "none"))
  return name && invalid("Options", `\`${name}\` is empty, or has a space or another wrong character. ${fromVariable}`)
}
