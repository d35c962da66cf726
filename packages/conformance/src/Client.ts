/** The client under test. Tests replace parts of it with broken ones. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as AuthorizationCode from "@countersign/auth/AuthorizationCode"
import * as ClientCredentials from "@countersign/auth/ClientCredentials"
import * as DeviceCode from "@countersign/auth/DeviceCode"
import * as Introspection from "@countersign/auth/Introspection"
import * as Jwt from "@countersign/auth/Jwt"
import * as OAuth2 from "@countersign/auth/OAuth2"
import * as RefreshToken from "@countersign/auth/RefreshToken"
import * as Registration from "@countersign/auth/Registration"
import * as Revocation from "@countersign/auth/Revocation"

/** The published client, or a client with one broken part. */
export interface Client {
  /** Wraps the transport. The published client's is unchanged. */
  readonly http: (transport: HttpClient.HttpClient) => HttpClient.HttpClient
  readonly conversation: typeof OAuth2.make
  readonly service: typeof ClientCredentials.layer
  readonly signIn: typeof AuthorizationCode.make
  readonly device: typeof DeviceCode.make
  readonly refreshing: typeof RefreshToken.layer
  readonly introspection: typeof Introspection.make
  readonly revocation: typeof Revocation.make
  readonly signOut: typeof Revocation.signOut
  readonly register: typeof Registration.register
  readonly verify: typeof Jwt.verify
}

/** The published client. */
export const ours: Client = {
  http: (transport) => transport,
  conversation: OAuth2.make,
  service: ClientCredentials.layer,
  signIn: AuthorizationCode.make,
  device: DeviceCode.make,
  refreshing: RefreshToken.layer,
  introspection: Introspection.make,
  revocation: Revocation.make,
  signOut: Revocation.signOut,
  register: Registration.register,
  verify: Jwt.verify
}
