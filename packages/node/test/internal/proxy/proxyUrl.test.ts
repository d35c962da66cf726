import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { inspect } from "node:util"
import { parseProxyUrl, serverNameOf } from "../../../src/internal/proxy/proxyUrl.js"

const parsed = (text: string) => Either.getOrThrow(parseProxyUrl(text, "HTTP_PROXY"))
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString("base64")}`

describe("parseProxyUrl", () => {
  it.each([
    ["http://proxy.test:3128", "http://proxy.test:3128"],
    ["http://proxy.test:80/", "http://proxy.test"],
    ["https://proxy.test", "https://proxy.test"],
    ["proxy.test:3128", "http://proxy.test:3128"],
    ["u:p@proxy.test:3128", "http://proxy.test:3128"],
    [" http://proxy.test:3128\n", "http://proxy.test:3128"],
    ["HTTP://PROXY.test:3128", "http://proxy.test:3128"],
    ["http://[::1]:3128", "http://[::1]:3128"]
  ])("parses %j with the origin %s", (text, origin) => {
    expect(parsed(text).origin).toBe(origin)
  })

  it.each([
    ["http://proxy.test", undefined],
    ["http://u:p@proxy.test", basic("u:p")],
    ["http://u@proxy.test", basic("u:")],
    ["http://:token@proxy.test", basic(":token")],
    ["http://us%20er:p%40s%3As@proxy.test", basic("us er:p@s:s")],
    ["http://%C3%A9:%E2%82%AC@proxy.test", basic("é:€")]
  ])("parses %j with the credentials %s and prints none", (text, value) => {
    const proxy = parsed(text)
    expect(proxy.credentials?.authorize("GET", "/", undefined).field).toBe(value)
    expect(inspect(proxy, { depth: 10 })).not.toContain("Basic ")
  })

  it.each([
    ["https://proxy.test", "proxy.test"],
    ["https://192.0.2.1", ""],
    ["https://[::1]:3128", ""]
  ])("parses %j with the server name %j", (text, name) => {
    expect(serverNameOf(parsed(text))).toBe(name)
  })

  it.each([
    "",
    "http://",
    "http://u:p@",
    "http://a b",
    "http://proxy.test:port",
    "ftp://proxy.test",
    "socks5h://proxy.test"
  ])("rejects %j", (text) => {
    expect(Either.isLeft(parseProxyUrl(text, "HTTP_PROXY"))).toBe(true)
  })
})
