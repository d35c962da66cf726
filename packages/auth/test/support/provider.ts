import { afterAll, beforeAll, vi } from "@effect/vitest"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** oidc-provider on a port, while the tests of a file run; its issuer, which is known then, and what it was asked for. */
export const provided = (configuration: object) => {
  const running = { issuer: "", paths: [] as Array<string | undefined> }
  const server = Http.createServer()
  // It warns of Node 20, on which it works, and of keys and an adapter that are only for development.
  const quiet = [vi.spyOn(console, "warn"), vi.spyOn(console, "info")]

  beforeAll(async () => {
    for (const spy of quiet) spy.mockImplementation(() => undefined)
    const { default: Provider } = await import("oidc-provider")
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    // An address of a listener on TCP is one with a port.
    running.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const answer = new Provider(running.issuer, configuration).callback()
    server.on("request", (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      running.paths.push(request.url)
      answer(request, response)
    })
  })

  afterAll(async () => {
    await new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    })
    for (const spy of quiet) spy.mockRestore()
  })

  return running
}
