/** The requests of a client to its authorization server, which all grants share. */
import * as HttpClient from "@effect/platform/HttpClient"
import { InvalidRequest } from "@countersign/client/Errors"
import { TokenError } from "../../Errors.js"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as oauth from "oauth4webapi"
import type { Token } from "../../Token.js"
import * as MtlsAliases from "../discovery/mtlsEndpointAliases.js"
import * as MetadataCache from "../discovery/metadataCache.js"
import * as Discovery from "../discovery/serverDiscovery.js"
import * as Dpop from "../dpop/tokenEndpointDpop.js"
import * as FetchAdapter from "../http/fetchAdapter.js"
import { dangerouslyAllowHttpOnLoopback } from "../http/insecureHttp.js"
import * as HeldLock from "../lock/heldLock.js"
import * as ErrorResponse from "../response/errorResponse.js"
import * as SuccessResponse from "../response/successResponse.js"
import * as ChosenAuth from "./authenticationMethod.js"
import type { Client } from "./client.js"
import * as ClientAuth from "./clientAuthentication.js"
import * as TokenParameters from "./tokenParameters.js"
import { tokenOf } from "./tokenResponse.js"

/** Arguments of the library's request functions. */
export interface Context {
  readonly server: oauth.AuthorizationServer
  readonly client: oauth.Client
  readonly authentication: oauth.ClientAuth
  readonly options: {
    readonly [oauth.customFetch]: FetchAdapter.Fetch
    readonly [oauth.allowInsecureRequests]: boolean
    readonly DPoP?: oauth.DPoPHandle
  }
}

type Secrets = ReadonlyArray<Redacted.Redacted<string>>

/** Sends the requests of one client to its authorization server. */
export interface ServerClient {
  readonly issuer: URL
  readonly insecure: boolean
  /** The server's metadata. It is fetched at the first use, and cached. */
  readonly metadata: Effect.Effect<oauth.AuthorizationServer, TokenError>
  /** The metadata with the given members, if any of the server's documents has them. */
  readonly metadataWith: MetadataCache.Find
  /** How far the server's clock is ahead of this machine's, in milliseconds. */
  readonly clockSkew: Effect.Effect<number>
  /** Runs a library function that computes something, or fetches without client authentication. */
  readonly call: <A>(run: (context: Context) => Promise<A>) => Effect.Effect<A, TokenError>
  /** Sends one request with client authentication, and reads its response. Text that repeats a secret is not shown. */
  readonly send: (
    request: Request | Prepare,
    secrets?: Secrets,
    endpoint?: ChosenAuth.Endpoint
  ) => Effect.Effect<SuccessResponse.Success, TokenError>
  /** Sends one request, and reads the body of its response. */
  readonly read: <A>(
    request: Request | Prepare,
    reader: SuccessResponse.Reader<A>,
    secrets?: Secrets
  ) => Effect.Effect<A, TokenError>
  /** Sends one request to the token endpoint. */
  readonly token: (request: Request | Prepare, secrets?: Secrets) => Effect.Effect<Token, TokenError>
}

/** The arguments of one request, with its client authentication. */
type ContextOf = (apply: ClientAuth.Method["apply"], fetch: FetchAdapter.Fetch) => Context

/** Adds to an error what the server supports. */
type Explain = (error: TokenError) => TokenError

/** The library's function that sends a request. */
type Request = (context: Context) => Promise<Response>

/** Makes a request with parts that may be sent once, such as an assertion. It runs again for a request with another nonce. */
type Prepare = Effect.Effect<{ readonly request: Request; readonly secrets: Secrets }, TokenError>

const missingCredentials = new InvalidRequest({
  reason: "Credentials",
  detail:
    "the client cannot authenticate: a credential is missing or empty. Set `clientId`, and `clientSecret` or `clientAuthentication`."
})

/** A request for metadata sends no credentials, so the token request was not sent. */
const asUnsent = ({ detail, error, reason, retryAt }: TokenError): TokenError =>
  new TokenError({ detail, error, reason, retryAt, sent: "no" })

/** Validates the options of a client. Fails with `InvalidRequest` if an option is invalid. */
export const make = (client: Client): Effect.Effect<ServerClient, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const insecure = client.transport === dangerouslyAllowHttpOnLoopback
    const issuer = yield* Discovery.validateUrl("the issuer", client.issuer, insecure)
    if (client.tokenEndpoint !== undefined) yield* Discovery.validateEndpoint(client.tokenEndpoint, insecure)
    const auth = ChosenAuth.of(client)
    if (auth === undefined) return yield* Effect.fail(missingCredentials)
    const problem = TokenParameters.problem(client)
    if (problem !== undefined) return yield* Effect.fail(problem)
    const exchange = FetchAdapter.make(yield* HttpClient.HttpClient)
    const find = yield* MetadataCache.make(client, issuer, exchange, insecure)
    const aliased = MtlsAliases.make(client, issuer, insecure)
    const metadataWith: MetadataCache.Find = (needed) =>
      Effect.mapError(Effect.flatMap(find(needed), aliased), asUnsent)
    const metadata = metadataWith([])
    const clientWithClockSkew = yield* Dpop.clientWithSkew(client.clientId, exchange.clockSkew)
    const proof = client.dpop === undefined ? undefined : Dpop.makeDpopHandle(client.dpop, clientWithClockSkew)

    const within = <A>(
      endpoint: ChosenAuth.Endpoint,
      run: (contextOf: ContextOf, chosen: ClientAuth.Method, explain: Explain) => Effect.Effect<A, TokenError>
    ) =>
      Effect.flatMap(Effect.zip(metadata, Clock.currentTimeMillis), ([server, now]) => {
        const chosen = auth.at(server, endpoint)
        const contextOf: ContextOf = (apply, customFetch) => ({
          server,
          client: clientWithClockSkew,
          authentication: apply(Math.floor((now + exchange.clockSkew()) / 1000)),
          options: {
            [oauth.customFetch]: TokenParameters.withParameters(client, customFetch),
            [oauth.allowInsecureRequests]: insecure,
            ...(proof !== undefined && { DPoP: proof })
          }
        })
        return run(contextOf, chosen.method, ChosenAuth.withHint(server, endpoint, chosen))
      })

    const send: ServerClient["send"] = (request, secrets = [], endpoint = "token") =>
      within(endpoint, (contextOf, method, explain) => {
        const prepare: Prepare = Effect.isEffect(request) ? request : Effect.succeed({ request, secrets })
        const sendOnce = Effect.flatMap(Effect.zip(prepare, ClientAuth.applied(method)), ([prepared, apply]) =>
          exchange.received(
            (fetch) => prepared.request(contextOf(apply, fetch)),
            [...auth.secrets, ...prepared.secrets],
            endpoint === "token" ? HeldLock.checkLocked : Effect.void
          )
        )
        return sendOnce.pipe(
          // The response holds the nonce for the proof (RFC 9449 §8). The request is sent once more with it. Its assertions
          // are others, because a server may accept a `jti` once.
          Effect.flatMap((received) =>
            proof !== undefined && ErrorResponse.isNonceRequest(received) ? sendOnce : Effect.succeed(received)
          ),
          Effect.flatMap((received) => SuccessResponse.of(received, client.complianceFixes)),
          Effect.mapBoth({
            onFailure: explain,
            onSuccess: (success) => ({ ...success, error: success.error && explain(success.error) })
          })
        )
      })

    const read: ServerClient["read"] = (request, reader, secrets) =>
      Effect.flatMap(send(request, secrets), SuccessResponse.makeReader(reader))
    return {
      issuer,
      insecure,
      metadata,
      metadataWith,
      clockSkew: Effect.sync(exchange.clockSkew),
      call: (run) =>
        within("token", (contextOf, { apply }) => exchange((fetch) => run(contextOf(apply, fetch)), auth.secrets)),
      send,
      read,
      token: (request, secrets) => read(request, (body) => tokenOf(body, client, exchange.clockSkew()), secrets)
    }
  })
