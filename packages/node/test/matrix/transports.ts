/** The transports of the matrix, and their deviations from what the caller sent. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { certificates } from "../support/certificates.js"
import { proxy } from "../support/proxy.js"
import * as Origin from "./origin.js"
import { bodyKinds } from "./requests.js"

/** A transport and the origin that it sends to. */
export interface Setup {
  readonly origin: Origin.Origin
  readonly http: HttpClient.HttpClient
}

/** A transport of the matrix. */
export interface Transport {
  readonly setup: Effect.Effect<Setup, never, Scope.Scope>
  /** The fields that the transport adds to a request. */
  readonly adds: (method: string) => Readonly<Record<string, string | RegExp>>
  readonly needsTls?: boolean
  /** HTTP/2 has no field that frames a body of unknown length: RFC 9113 §8.2.2. */
  readonly isHttp2?: boolean
  /** Known deviations of a transport of other authors, by kind of body. */
  readonly deviates?: Readonly<Record<string, ReadonlyArray<string>>>
}

const makeSetup = (protocol: Origin.Protocol, layer: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.gen(function* () {
    const origin = yield* Origin.start(protocol)
    const http = Context.get(yield* Layer.build(layer), HttpClient.HttpClient)
    return { origin, http }
  })

const ca = certificates?.ca ?? ""
const hostAndPort = /^127\.0\.0\.1:\d+$/

const throughProxy = (protocol: "http" | "https") =>
  Effect.gen(function* () {
    const through = yield* proxy()
    const env = new Map([[protocol === "http" ? "http_proxy" : "https_proxy", through.url]])
    const layer = NodeTransport.layerProxyEnvWith({ tls: { ca } }).pipe(
      Layer.orDie,
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(env)))
    )
    return yield* makeSetup(protocol, layer)
  })

/** undici closes the connection after a HEAD. */
const persistence = (method: string) => ({ host: hostAndPort, connection: method === "HEAD" ? "close" : "keep-alive" })

const ours = (method: string) => ({ ...persistence(method), "accept-encoding": "gzip, deflate, br" })

/** Fetch has no request with a body for these two: https://fetch.spec.whatwg.org/#dom-request. */
const noBody = ["it fails (get, head)", "nothing arrives (get, head)"]

/** Every transport. */
export const transports: Readonly<Record<string, Transport>> = {
  "NodeTransport over HTTP/1.1": { setup: makeSetup("http", NodeTransport.layer), adds: ours },
  // The proxy of the test keeps its own connections.
  "NodeTransport through a forward proxy": { setup: throughProxy("http"), adds: () => ours("GET") },
  "NodeTransport through a tunnel": { setup: throughProxy("https"), adds: ours, needsTls: true },
  "NodeTransport over HTTP/2": {
    setup: makeSetup("h2", NodeTransport.layerWith({ tls: { ca }, allowH2: true, pipelining: 100 })),
    adds: () => ({ ":authority": hostAndPort, ":scheme": "https", "accept-encoding": "gzip, deflate, br" }),
    needsTls: true,
    isHttp2: true
  },
  "the platform's undici": {
    setup: makeSetup("http", NodeHttpClient.layerUndici),
    adds: persistence,
    deviates: {
      // undici accepts only its own class of forms.
      FormData: [
        "it fails (del, get, head, options, patch, post, put)",
        "nothing arrives (del, get, head, options, patch, post, put)"
      ]
    }
  },
  "the platform's node:http": {
    setup: makeSetup("http", NodeHttpClient.layer),
    adds: () => ({ host: hostAndPort, connection: "close" }),
    deviates: {
      // Node writes a body of unknown length without any framing for these four methods, and the server reads its first
      // bytes as the next request.
      FormData: [
        "it fails (del, get, head, options)",
        'the form is "TypeError: Failed to parse body as FormData." (del, get, head, options)',
        "transfer-encoding is added: chunked (patch, post, put)",
        "content-length is missing (patch, post, put)"
      ],
      "a stream": [
        "it fails (del, get, head, options)",
        "transfer-encoding is missing (del, get, head, options)",
        "the body has 0 bytes (del, get, head, options)"
      ]
    }
  },
  "the platform's fetch": {
    setup: makeSetup("http", FetchHttpClient.layer),
    adds: (method) => ({
      ...persistence(method),
      accept: "*/*",
      "accept-language": "*",
      "sec-fetch-mode": "cors",
      "user-agent": "node",
      "accept-encoding": "gzip, deflate"
    }),
    deviates: {
      ...Object.fromEntries(Object.keys(bodyKinds).map((kind) => [kind, kind === "none" ? [] : noBody])),
      // Fetch knows no length of a stream.
      "a stream with its length": [
        ...noBody,
        "transfer-encoding is added: chunked (del, options, patch, post, put)",
        "content-length is missing (del, options, patch, post, put)"
      ]
    }
  }
}
