import { afterAll, beforeAll, vi } from "@effect/vitest"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** Runs oidc-provider on a port during the tests of a file. `issuer` is set before the tests; `paths` lists the requests. */
export const provided = (configuration: object) => {
  const running = { issuer: "", paths: [] as Array<string | undefined> }
  const server = Http.createServer()
  // oidc-provider warns about Node 20, on which it works, and about its development keys and adapter.
  const quiet = [vi.spyOn(console, "warn"), vi.spyOn(console, "info")]

  beforeAll(async () => {
    for (const spy of quiet) spy.mockImplementation(() => undefined)
    const { default: Provider } = await import("oidc-provider")
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    // The address of a TCP listener has a port.
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
