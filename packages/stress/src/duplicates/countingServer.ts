/** A server that executes every request that it gets whole, and keeps account of it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** What the server knows of one request: how often it was executed, and under which keys. */
interface Entry {
  readonly keys: ReadonlySet<string>
  readonly executions: number
}

/** A running server, and its account by the ids in the requests' bodies. */
export interface Ledger {
  readonly port: number
  readonly entries: ReadonlyMap<number, Entry>
}

const idOf = (body: string): number => {
  const value: unknown = JSON.parse(body)
  return typeof value === "object" && value !== null && "id" in value ? Number(value.id) : Number.NaN
}

/** Serves on a port of the loopback interface until the scope closes. */
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
    // A body that breaks off has no end: such a request is not executed.
    request.on("end", () => {
      const answer = execute(request, body)
      response.writeHead(200, { "content-type": "application/json", "content-length": answer.length })
      response.end(answer)
    })
    request.on("error", () => undefined)
  })
  const listening = Effect.async<number>((resume) => {
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
      // A server that listens on a port has an address with a port.
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
