/** What a server was told to be; every field has its default by now. */
export interface Settings {
  readonly clients: ReadonlyMap<string, string>
  readonly scopes: ReadonlyArray<string> | undefined
  readonly accessTokenLifetime: number
  readonly expiresIn: boolean
  readonly refreshTokens: boolean
  readonly rotation: boolean
  readonly reuseGrace: number
}
