/**
 * ID tokens of GitHub Actions, which identify a job of a workflow: for AWS, for OAuth, and for client authentication.
 *
 * @since 0.1.0
 */
import * as BaseUrl from "@countersign/protocol/BaseUrl"
import * as Origin from "@countersign/protocol/Origin"
import * as RequestTarget from "@countersign/protocol/RequestTarget"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { TokenError } from "./Errors.js"
import type { Answer } from "./internal/http/boundedRequest.js"
import { send, unavailable } from "./internal/http/boundedRequest.js"
import { dangerouslyAllowHttpOnLoopback } from "./internal/http/insecureHttp.js"
import * as OptionNames from "./internal/options/optionNames.js"

/**
 * Options of an ID token: the receiver of the token, and how it is requested.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The claim `aud`, which the receiver of the token expects. By default the URL of the owner of the repository on GitHub. AWS
   * expects `sts.amazonaws.com`, and Entra expects `api://AzureADTokenExchange`.
   */
  readonly audience?: string | undefined
  /** Allows plain http on loopback, see `OAuth2.dangerouslyAllowHttpOnLoopback`. */
  readonly transport?: typeof dangerouslyAllowHttpOnLoopback | undefined
}

const names: OptionNames.ShapeOf<Options> = { audience: true, transport: true }

const server = "GitHub Actions"

const rejected = (detail: string): TokenError => new TokenError({ reason: "Rejected", detail })

const noPermission = rejected(
  "`ACTIONS_ID_TOKEN_REQUEST_URL` or `ACTIONS_ID_TOKEN_REQUEST_TOKEN` is missing. In a workflow of GitHub Actions, set `permissions: id-token: write`."
)

const insecure = rejected(
  "`ACTIONS_ID_TOKEN_REQUEST_URL` is no https URL, so the request token is not sent. Check the environment of the job."
)

const invalid = new TokenError({
  reason: "InvalidResponse",
  detail: `the response of ${server} is invalid: it is no JSON object with a JWT in \`value\`.`
})

/** The request in the variables of the job. */
const variables = Config.all({
  url: Config.string("ACTIONS_ID_TOKEN_REQUEST_URL"),
  token: Config.redacted("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
})

const badAudience = rejected("`audience` is not well-formed Unicode (lone surrogate). Check the option.")

const isSafe = (url: string, { transport }: Options): boolean => {
  const [base = ""] = url.split("?", 1)
  if (BaseUrl.validate(base)._tag === "Err") return false
  const { hostname, protocol } = new URL(base)
  return protocol === "https:" || (transport === dangerouslyAllowHttpOnLoopback && Origin.isLoopbackHost(hostname))
}

const requestOf = (options: Options): Effect.Effect<HttpClientRequest.HttpClientRequest, TokenError> =>
  Effect.flatMap(
    Effect.mapError(variables, () => noPermission),
    ({ token, url }) => {
      const secret = Redacted.value(token).trim()
      if (url.trim() === "" || !/^[!-~]+$/.test(secret)) return Effect.fail(noPermission)
      if (!isSafe(url, options)) return Effect.fail(insecure)
      const { audience } = options
      if (audience !== undefined && !isWellFormed(audience)) return Effect.fail(badAudience)
      const query = audience === undefined ? "" : `audience=${encodeURIComponent(audience)}`
      return Effect.succeed(
        HttpClientRequest.get(RequestTarget.append(url, query)).pipe(
          HttpClientRequest.setHeaders({ accept: "application/json", authorization: `Bearer ${secret}` })
        )
      )
    }
  )

const decode = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({ value: Schema.String })))

const isWellFormed = (text: string): boolean => !/[\ud800-\udfff]/u.test(text)

const isJwt = (text: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)

const failureOf = ({ retryAt, status }: Answer): TokenError => {
  if (status >= 500 || status === 429) return unavailable(`${server} answered ${status}. Try again later.`, retryAt)
  return status >= 300 && status < 400
    ? rejected(`${server} answered ${status}, and no redirect is followed. Check the environment of the job.`)
    : rejected(`${server} answered ${status}. The request token is valid only while its job runs. Run the job again.`)
}

/**
 * Requests an ID token of this job, each time that it runs. The token is valid for some minutes.
 *
 * The job needs the permission `id-token: write`. The address and the request token come from the configuration
 * (`ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`). The request token is sent over https only, and no
 * redirect is followed. The request times out after 10 seconds.
 *
 * Fails with `TokenError`, which shows no token:
 *
 * - `Rejected` if a variable is missing or no https URL, if `audience` has a lone surrogate, and for a 3xx or 4xx status.
 * - `Unavailable` if GitHub cannot be reached, or answers with 429 or a 5xx status.
 * - `InvalidResponse` if the response has no JWT.
 *
 * Throws a `TypeError` for an unknown option.
 *
 * Specification: [OpenID Connect in GitHub Actions](https://docs.github.com/en/actions/reference/security/oidc).
 *
 * @example
 * import * as AwsCredentials from "@countersign/auth/AwsCredentials"
 * import * as AwsSignature from "@countersign/auth/AwsSignature"
 * import * as GitHubActions from "@countersign/auth/GitHubActions"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const AuthLive = Layer.unwrapScoped(
 *   Effect.map(
 *     AwsCredentials.webIdentity({
 *       roleArn: "arn:aws:iam::123456789012:role/deploy",
 *       token: GitHubActions.idToken({ audience: "sts.amazonaws.com" })
 *     }),
 *     (credentials) => AwsSignature.layer({ credentials, region: "eu-central-1" })
 *   )
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const idToken = (
  options: Options = {}
): Effect.Effect<Redacted.Redacted<string>, TokenError, HttpClient.HttpClient> => {
  const known = OptionNames.known("`GitHubActions.idToken`", options, names)
  return Effect.gen(function* () {
    const answer = yield* send(yield* requestOf(known), server)
    if (answer.status !== 200) return yield* Effect.fail(failureOf(answer))
    const decoded = decode(answer.text)
    // The message of the parser would contain the token.
    return Either.isRight(decoded) && isJwt(decoded.right.value)
      ? Redacted.make(decoded.right.value)
      : yield* Effect.fail(invalid)
  })
}
