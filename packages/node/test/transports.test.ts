/** The contract of transports, with NodeTransport and the platform's transports, and their differences. */
import * as Timeout from "@countersign/client/Timeout"
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import { createSecureServer } from "node:http2"
import type { Transport } from "./contract/transport.js"
import { certificates } from "./support/certificates.js"
import { listen } from "./support/server.js"
import { contract } from "./transport.contract.js"

type Http2Listener = (request: Http2ServerRequest, response: Http2ServerResponse) => void

const ours: Omit<Transport, "name" | "make"> = {
  boundsConnections: true,
  differs: {
    fragmentOnWire: "/p?q=1",
    parametersOnWire: "/p?x=(1)&y&z=2",
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
    formRead: true,
    streamFraming: "chunked"
  }
}

contract({ ...ours, name: "NodeTransport", make: (connections) => NodeTransport.make({ connections }) })

contract({
  ...ours,
  name: "NodeTransport with callbacks",
  make: (connections) =>
    Effect.map(NodeTransport.make({ connections }), (client) =>
      HttpClient.transformResponse(Timeout.exchange("1 minute")(client), Effect.catchTag("Timeout", Effect.die))
    )
})

if (certificates !== undefined) {
  const { ca, server } = certificates
  contract({
    ...ours,
    name: "NodeTransport over HTTP/2",
    // One request at a time and no idle connections: the contract checks the end of a stream by that of its connection.
    make: (connections) =>
      NodeTransport.make({ connections, pipelining: 1, allowH2: true, keepAliveTimeout: 1, tls: { ca } }),
    // Node's server passes HTTP/2 requests like HTTP/1.1 ones, but its types differ.
    serve: (listener) => listen(createSecureServer({ ...server }, listener as unknown as Http2Listener), "https"),
    differs: { ...ours.differs, streamFraming: undefined }
  })
}

contract({
  name: "platform's undici",
  make: () =>
    Effect.flatMap(NodeHttpClient.makeDispatcher, (dispatcher) =>
      Effect.succeed(NodeHttpClient.makeUndici(dispatcher))
    ),
  boundsConnections: false,
  differs: {
    fragmentOnWire: "/p?q=1#fragment",
    parametersOnWire: "/p?x=%281%29&y=&z=2",
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
    formRead: false,
    streamFraming: "chunked"
  }
})

contract({
  name: "platform's fetch",
  make: () => Effect.provide(HttpClient.HttpClient, FetchHttpClient.layer),
  boundsConnections: false,
  differs: {
    fragmentOnWire: "/p?q=1",
    parametersOnWire: "/p?x=%281%29&y=&z=2",
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
    formRead: true,
    streamFraming: "chunked"
  }
})
