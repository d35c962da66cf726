/**
 * Address of a server. Any user may sign in without a password.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  /** Host that the server listens on: `127.0.0.1`. */
  readonly host: string
  /** Port that the server listens on. */
  readonly port: number
  /** `postgres://` URL with the user and the database `postgres`. */
  readonly url: string
}

/** The address of a server on a port of the loopback interface. */
export const addressOf = (port: number): Address => ({
  host: "127.0.0.1",
  port,
  url: `postgres://postgres@127.0.0.1:${port}/postgres`
})
