/** A JSON object. */
export type Body = Readonly<Record<string, unknown>>

/**
 * A request to the token endpoint. `form` holds its parameters, `basic` is true for client authentication by HTTP Basic, and
 * `accept` is the header of that name.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenRequest {
  readonly grantType: string | undefined
  readonly form: ReadonlyMap<string, string>
  readonly basic: boolean
  readonly accept: string | undefined
}

/**
 * OAuth error of RFC 6749 §5.2.
 *
 * @since 0.1.0
 * @category models
 */
export interface OAuthError {
  readonly error: string
  readonly description: string
}

/**
 * JSON response of a provider.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProviderResponse {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * The settings of the server that a deviation changes, see {@link Options}. `metadata` and `redirect` are its `overrides` members.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProviderSettings {
  readonly rotation?: boolean
  /** In milliseconds. */
  readonly reuseGrace?: number
  readonly expiresIn?: false
  /** In milliseconds. */
  readonly accessTokenLifetime?: number
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly redirect?: Readonly<Record<string, string>>
}

/**
 * One way in which a provider differs from the specifications, or goes beyond what they require. Each field is optional and
 * changes one thing that the server sends or accepts.
 *
 * - `what`: the deviation in a few words
 * - `source`: the documentation page or the public report that describes it
 * - `settings`: settings of the server
 * - `metadata`: the URLs of the metadata documents; an empty list for none
 * - `wellKnownStatus`: the status at other well-known places (404)
 * - `tokenResponse`: changes the body of a successful response of the token endpoint
 * - `status`: the status of that response (200)
 * - `isForm`: sends that response as a form
 * - `errorResponse`: the response for an error of the token endpoint; undefined for the one of RFC 6749
 * - `rejects`: the response to a token request that this provider rejects although the specifications allow it
 * - `rejectsAuthorization`: why an authorization request is rejected; `query` is its query as it was sent
 * - `isOffline`: whether an authorization request leads to a refresh token (true)
 * - `idToken`: changes the claims of ID tokens
 * - `scopeSeparator`: separates scopes in requests, in place of a space
 * - `rawCredentials`: client id and secret are not form-encoded in HTTP Basic
 * - `revocationResponse`: the response of the revocation endpoint to a success (200 without a body)
 *
 * @since 0.1.0
 * @category models
 */
export interface Deviation {
  readonly what: string
  readonly source: string
  readonly settings?: ProviderSettings
  readonly metadata?: ReadonlyArray<string>
  readonly wellKnownStatus?: number
  readonly tokenResponse?: (
    body: Readonly<Record<string, unknown>>,
    request: TokenRequest
  ) => Readonly<Record<string, unknown>>
  readonly status?: number
  readonly isForm?: (request: TokenRequest) => boolean
  readonly errorResponse?: (error: OAuthError, request: TokenRequest) => ProviderResponse | undefined
  readonly rejects?: (request: TokenRequest) => ProviderResponse | undefined
  readonly rejectsAuthorization?: (form: ReadonlyMap<string, string>, query: string) => string | undefined
  readonly isOffline?: (form: ReadonlyMap<string, string>) => boolean
  readonly idToken?: (claims: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
  readonly scopeSeparator?: ","
  readonly rawCredentials?: true
  readonly revocationResponse?: ProviderResponse
}

/**
 * The absolute URLs of a provider's endpoints. `metadata` are its metadata documents; without it there is one, at the place of
 * OpenID Connect Discovery §4.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProviderEndpoints {
  readonly metadata?: ReadonlyArray<string>
  readonly authorization?: string
  readonly token: string
  readonly revocation?: string
  readonly jwks?: string
}

/**
 * A provider of OAuth as its clients meet it. `refresh` says whether a refresh gives a new refresh token (`rotates`), leaves the
 * old one valid (`keeps`), or does not exist (`none`). `configure` says what its clients have to configure.
 *
 * @since 0.1.0
 * @category models
 */
export interface Profile {
  readonly name: string
  readonly title: string
  readonly issuer: string
  readonly endpoints: ProviderEndpoints
  readonly grant: "authorization_code" | "client_credentials"
  readonly refresh: "rotates" | "keeps" | "none"
  readonly configure: string
  readonly deviations: ReadonlyArray<Deviation>
}
