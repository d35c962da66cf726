/** Where the servers of a case are, and what takes requests there. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type { Cell, Server } from "./matrix.js"
import type { FakeServers } from "./fakeServers.js"

/** Ports of servers: undefined for the one that a scheme has by default. */
type PortOf = (server: Server, scheme: "http" | "https", wanted: Cell["port"]) => number | undefined

/** A network with servers, and a transport into it. */
export interface Network {
  readonly transport: HttpClient.HttpClient
  readonly stage: FakeServers
  readonly portOf: PortOf
  readonly isReal: boolean
}

/** The origins of a case's servers, as a redirect writes them. */
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
