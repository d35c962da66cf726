/** The contract over our transport and over the platform's, and where they differ. */
import * as Timeout from "@countersign/client/Timeout"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type { Transport } from "./contract/transport.js"
import { contract } from "./transport.contract.js"

const ours: Omit<Transport, "name" | "make"> = {
  boundsConnections: true,
  differs: {
    fragmentOnWire: "/p?q=1",
    emptyStream: "empty",
    textAfterStream: "Decode",
    bytesAfterText: "kept",
    acceptEncoding: "gzip, deflate, br",
    inflates: true,
    secondReader: "reads",
    getBody: "sent",
    otherScheme: "InvalidUrl",
    latin1: "ä",
    lengthOf304: "empty",
    formSent: true,
    formRead: true
  }
}

contract({ ...ours, name: "NodeTransport", make: (connections) => NodeTransport.make({ connections }) })

contract({
  ...ours,
  name: "NodeTransport, asked directly",
  make: (connections) =>
    Effect.map(NodeTransport.make({ connections }), (client) =>
      HttpClient.transformResponse(Timeout.exchange("1 minute")(client), Effect.catchTag("Timeout", Effect.die))
    )
})

contract({
  name: "platform's undici",
  make: () =>
    Effect.flatMap(NodeHttpClient.makeDispatcher, (dispatcher) =>
      Effect.succeed(NodeHttpClient.makeUndici(dispatcher))
    ),
  boundsConnections: false,
  differs: {
    fragmentOnWire: "/p?q=1#fragment",
    emptyStream: "empty",
    textAfterStream: "Decode",
    bytesAfterText: "Decode",
    acceptEncoding: undefined,
    inflates: false,
    secondReader: "interrupted",
    getBody: "sent",
    otherScheme: "Transport",
    latin1: "ä",
    lengthOf304: "Decode",
    formSent: false,
    formRead: false
  }
})

contract({
  name: "platform's fetch",
  make: () => Effect.provide(HttpClient.HttpClient, FetchHttpClient.layer),
  boundsConnections: false,
  differs: {
    fragmentOnWire: "/p?q=1",
    emptyStream: "EmptyBody",
    textAfterStream: "Decode",
    bytesAfterText: "Decode",
    acceptEncoding: "gzip, deflate",
    inflates: true,
    secondReader: "interrupted",
    getBody: "RequestError",
    otherScheme: "Transport",
    latin1: "ä",
    lengthOf304: "empty",
    formSent: true,
    formRead: true
  }
})
