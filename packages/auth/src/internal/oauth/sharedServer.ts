/** The authorization server that several grants of one client share. */
import type * as HttpClient from "@effect/platform/HttpClient"
import { InvalidRequest } from "@countersign/client/Errors"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { Client, SharedServer, SharedServerOptions } from "./client.js"
import * as OptionNames from "./optionNames.js"
import * as ServerClient from "./serverClient.js"
import * as ServerEndpoints from "./serverEndpoints.js"

/** What {@link make} made. It is stored outside of the value, so that printing the value shows no secret. */
const made = new WeakMap<
  SharedServer,
  { readonly options: SharedServerOptions; readonly serverClient: ServerClient.ServerClient }
>()

/** Makes the server of a client. Fails with `InvalidRequest` if an option is invalid. */
export const make = (
  options: SharedServerOptions
): Effect.Effect<SharedServer, InvalidRequest, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    yield* OptionNames.check(options)
    const serverClient = yield* ServerClient.make(options)
    yield* ServerEndpoints.validateOverrides(options, serverClient.insecure)
    const server: SharedServer = {
      get client() {
        return { ...options, server }
      },
      clockSkew: serverClient.clockSkew
    }
    made.set(server, { options, serverClient })
    return server
  })

type Member = keyof Omit<Client, "server">

/** The options of a client, which all decide about its requests. */
const members: Readonly<Record<Member, true>> = {
  issuer: true,
  clientId: true,
  clientSecret: true,
  clientAuthentication: true,
  tokenEndpoint: true,
  tokenParameters: true,
  dpop: true,
  complianceFixes: true,
  transport: true
}

const notMade = new InvalidRequest({
  reason: "Credentials",
  detail:
    "`server` was not made by `AuthorizationServer`. Make it with `AuthorizationServer.make`, or the Layer of its tag."
})

const differing = (name: string): InvalidRequest =>
  new InvalidRequest({
    reason: "Credentials",
    detail: `\`${name}\` is not that of \`server\`. Use \`{ ...server.client }\` unchanged, or leave \`server\` out.`
  })

/** The requests of a shared server. Fails with `InvalidRequest` if it has another value of one of the options. */
export const requestsOf = (
  server: SharedServer,
  expected: Partial<SharedServerOptions>,
  names: ReadonlyArray<Member>
): Effect.Effect<ServerClient.ServerClient, InvalidRequest> => {
  const found = made.get(server)
  if (found === undefined) return Effect.fail(notMade)
  const name = names.find((member) => !Equal.equals(found.options[member], expected[member]))
  return name === undefined ? Effect.succeed(found.serverClient) : Effect.fail(differing(name))
}

/** The requests of a client: those of the option `server`, or new ones that share nothing. */
export const connect = (
  client: Client
): Effect.Effect<ServerClient.ServerClient, InvalidRequest, HttpClient.HttpClient> =>
  Effect.flatMap(OptionNames.check(client), () =>
    client.server === undefined
      ? ServerClient.make(client)
      : // The keys of `members` are exactly its names.
        requestsOf(client.server, client, Object.keys(members) as ReadonlyArray<Member>)
  )
