import { describe, expect, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { parseNoProxy } from "../../../src/internal/proxy/noProxy.js"

const bypasses = (list: string, url: string): boolean => {
  const { hostname, port } = new URL(url)
  return Either.getOrThrow(parseNoProxy(list))(hostname, port || "80")
}

describe("parseNoProxy", () => {
  it.each([
    ["example.com", "http://example.com", true],
    ["example.com", "http://api.example.com", true],
    ["example.com", "http://notexample.com", false],
    ["example.com", "http://example.com.evil.test", false],
    [".example.com", "http://api.example.com", true],
    [".example.com", "http://example.com", true],
    ["*.example.com", "http://api.example.com", true],
    ["*.example.com", "http://notexample.com", false],
    ["EXAMPLE.com.", "http://example.com", true],
    ["example.com", "http://example.com./", true],
    [".example.com.", "http://api.example.com./", true],
    ["bücher.test", "http://xn--bcher-kva.test", true],
    ["a_b.test", "http://a_b.test", true],
    ["localhost", "http://localhost", true],
    ["a.test, b.test c.test", "http://c.test", true],
    ["a.test,,b.test", "http://d.test", false],
    [" , ,", "http://a.test", false],
    ["", "http://a.test", false],
    ["*", "http://[::1]", true],
    ["a.test,*", "http://b.test", true],
    ["*:8080", "http://b.test:8080", true],
    ["*:8080", "http://b.test", false],
    ["example.com:8080", "http://example.com:8080", true],
    ["example.com:8080", "http://example.com", false],
    ["example.com:80", "http://example.com", true],
    ["example.com:080", "http://example.com", true],
    [".example.com:8080", "http://api.example.com:8080", true],
    ["127.0.0.1", "http://127.0.0.1", true],
    ["127.0.0.1", "http://127.0.0.2", false],
    ["127.0.0.1", "http://0x7f.1", true],
    ["127.0.0.1.", "http://127.0.0.1", true],
    ["127.0.0.1", "http://127.0.0.1./", true],
    ["127.0.0.1", "http://[::ffff:127.0.0.1]", true],
    ["::ffff:127.0.0.1", "http://127.0.0.1", true],
    ["[::ffff:127.0.0.1]:80", "http://127.0.0.1", true],
    ["127.0.0.1", "http://1.127.0.0.1.evil.test", false],
    ["127.0.0.1:8080", "http://127.0.0.1:8080", true],
    ["127.0.0.1:8080", "http://127.0.0.1", false],
    ["::1", "http://[::1]", true],
    ["[::1]", "http://[0:0:0:0:0:0:0:1]", true],
    ["[::1]:8080", "http://[::1]:8080", true],
    ["[::1]:8080", "http://[::1]:9090", false],
    ["2001:DB8::0:1", "http://[2001:db8::1]", true]
  ])("matches %j with the host of %s: %s", (list, url, listed) => {
    expect(bypasses(list, url)).toBe(listed)
  })

  it.each([
    ["10.0.0.0/8", "http://10.255.0.1", true],
    ["10.0.0.0/8", "http://11.0.0.1", false],
    ["10.1.2.3/8", "http://10.9.9.9", true],
    ["192.168.1.128/25", "http://192.168.1.129", true],
    ["192.168.1.128/25", "http://192.168.1.127", false],
    ["192.0.2.7/32", "http://192.0.2.7", true],
    ["192.0.2.7/32", "http://192.0.2.8", false],
    ["192.0.2.6/31", "http://192.0.2.7", true],
    ["0.0.0.0/0", "http://203.0.113.1", true],
    ["0.0.0.0/0", "http://[2001:db8::1]", false],
    ["0.0.0.0/0", "http://name.test", false],
    ["::/0", "http://[2001:db8::1]", true],
    ["::/0", "http://203.0.113.1", false],
    ["fd00::/8", "http://[fdff::1]", true],
    ["fd00::/8", "http://[fe00::1]", false],
    ["[fd00::]/8", "http://[fdff::1]", true],
    ["[fd00::/8]", "http://[fdff::1]", true],
    ["2001:db8::/33", "http://[2001:db8:7fff::1]", true],
    ["2001:db8::/33", "http://[2001:db8:8000::1]", false],
    ["::1/128", "http://[::1]", true],
    ["10.0.0.0/8", "http://[::ffff:10.1.2.3]", true],
    ["::ffff:10.0.0.0/104", "http://10.1.2.3", true],
    ["::ffff:10.0.0.0/104", "http://[::ffff:10.1.2.3]", true],
    ["::ffff:10.0.0.0/104", "http://11.1.2.3", false],
    ["::ffff:0:0/96", "http://203.0.113.1", true],
    ["10.0.0.0/8:8080", "http://10.1.2.3:8080", true],
    ["10.0.0.0/8:8080", "http://10.1.2.3", false],
    ["[fd00::]/8:8080", "http://[fd00::1]:8080", true],
    ["a.test,10.0.0.0/8,b.test", "http://10.1.2.3", true],
    ["10.0.0.0/8", "http://10.evil.test", false],
    ["10.0.0.0/8", "http://0x0a.1", true]
  ])("matches the network %j with the host of %s: %s", (list, url, listed) => {
    expect(bypasses(list, url)).toBe(listed)
  })

  it.each([
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/ 8",
    "/8",
    "10/8",
    "169.254/16",
    "10.0.0",
    "10.",
    "192.168.*",
    "*.10.0.0.1",
    "a.*.test",
    "**",
    "*.",
    ".",
    "..a.test",
    "a..test",
    "::/129",
    "::ffff:10.0.0.0/95",
    "fe80::1%eth0",
    "fe80::%1/10",
    "[:::]",
    "[::1",
    "::1]",
    "[a.test]",
    "[]",
    "1.2.3.4.5",
    "256.1.1.1",
    "example.com/8",
    "example.com/path",
    "http://example.com",
    "example.com:",
    "example.com:port",
    "example.com:65536",
    ":8080",
    "a%zz",
    "a%2eb",
    "<local>",
    "a.test;b.test",
    "a|b"
  ])("rejects and names the entry %j", (entry) => {
    expect(parseNoProxy(`a.test,${entry},b.test`)).toMatchObject({
      _tag: "Left",
      left: expect.stringContaining(JSON.stringify(entry.split(" ")[0]))
    })
  })

  it("does not print an entry that contains credentials", () => {
    const parsed = parseNoProxy("http://user:hunter2@proxy.test")
    expect(parsed).toMatchObject({ _tag: "Left", left: expect.stringContaining("an entry with credentials") })
    expect(JSON.stringify(parsed)).not.toContain("hunter2")
  })
})
