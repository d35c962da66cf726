/** A network with the servers of a case. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { Cell, Server } from "./matrix.js"
import type { FakeServers } from "./fakeServers.js"

/** Port of a server. Undefined for the default port of the scheme. */
type PortOf = (server: Server, scheme: "http" | "https", wanted: Cell["port"]) => number | undefined

/** A network, and a transport into it. */
export interface Network {
  readonly transport: HttpClient.HttpClient
  readonly servers: FakeServers
  readonly portOf: PortOf
  readonly isReal: boolean
}

/** Origins of the servers of a case, as a redirect writes them. */
export const originsOf = ({ from, port, schemes, to }: Cell, portOf: PortOf): Readonly<Record<Server, string>> => {
  const origin = (server: Server, scheme: "http" | "https", host: string): string => {
    const number = portOf(server, scheme, port)
    return `${scheme}://${host}${number === undefined ? "" : `:${number}`}`
  }
  return {
    a: origin("a", schemes[0], from),
    b: origin("b", schemes[1], to),
    c: origin("c", schemes[1], "third.test")
  }
}
