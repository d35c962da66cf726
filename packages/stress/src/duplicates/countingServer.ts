/** A server that executes every complete request and counts the executions. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** Executions of one request, and its idempotency keys. */
interface Entry {
  readonly keys: ReadonlySet<string>
  readonly executions: number
}

/** A running server, and its counts by the id in the body of a request. */
export interface Ledger {
  readonly port: number
  readonly entries: ReadonlyMap<number, Entry>
}

const idOf = (body: string): number => {
  const value: unknown = JSON.parse(body)
  return typeof value === "object" && value !== null && "id" in value ? Number(value.id) : Number.NaN
}

/** Listens on a port of the loopback interface until the scope closes. */
export const serve: Effect.Effect<Ledger, never, Scope.Scope> = Effect.suspend(() => {
  const entries = new Map<number, Entry>()
  const execute = (request: IncomingMessage, body: string): string => {
    const id = idOf(body)
    const { executions, keys } = entries.get(id) ?? { executions: 0, keys: new Set<string>() }
    const key = request.headers["idempotency-key"]
    entries.set(id, {
      executions: executions + 1,
      keys: new Set([...keys, ...(key === undefined ? [] : [String(key)])])
    })
    return JSON.stringify({ id, note: "y".repeat(200) })
  }
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (text: string) => (body += text))
    // An incomplete body has no end, so such a request is not executed.
    request.on("end", () => {
      const json = execute(request, body)
      response.writeHead(200, { "content-type": "application/json", "content-length": json.length })
      response.end(json)
    })
    request.on("error", () => undefined)
  })
  const listening = Effect.async<number>((resume) => {
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
      // The address of a listening TCP server is an object.
      resume(Effect.succeed((server.address() as AddressInfo).port))
    )
  })
  const close = Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
  return Effect.map(
    Effect.acquireRelease(listening, () => close),
    (port) => ({ port, entries })
  )
})
