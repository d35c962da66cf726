import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Tough from "tough-cookie"
import type { StoredCookie } from "../../../src/internal/cookies/cookieStore.js"
import { SecureOverlay } from "../../../src/internal/cookies/secureOverlay.js"

const storedCookie = (name: string, domain: string, path: string, secure = true): StoredCookie => ({
  ...{ name, domain, path, secure },
  ...{ value: "", hostOnly: false, httpOnly: false, expires: Infinity, created: 0 }
})

/** draft-ietf-httpbis-rfc6265bis, §5.7, as the text defines it. */
const reference = (cookies: ReadonlyArray<StoredCookie>, name: string, domain: string, path: string): boolean =>
  cookies.some(
    (one) =>
      one.secure &&
      one.name === name &&
      (Tough.domainMatch(one.domain, domain, false) === true ||
        Tough.domainMatch(domain, one.domain, false) === true) &&
      Tough.pathMatch(path, one.path)
  )

describe("SecureOverlay", () => {
  const label = FastCheck.constantFrom("a", "b", "aa", "ba", "evil")
  const domain = FastCheck.array(label, { minLength: 1, maxLength: 4 }).map((labels) => [...labels, "test"].join("."))
  const path = FastCheck.array(FastCheck.constantFrom("/", "/a", "/b", "/ab", "//"), {
    minLength: 1,
    maxLength: 4
  }).map((parts) => parts.join(""))
  const name = FastCheck.constantFrom("a", "b")
  const cookie = FastCheck.tuple(name, domain, path, FastCheck.boolean()).map((fields) => storedCookie(...fields))

  it("covers the same cookies as the specification", () => {
    let covered = 0
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(cookie, { maxLength: 12 }),
        domain,
        FastCheck.array(FastCheck.tuple(name, FastCheck.nat(4), path), { maxLength: 8 }),
        (cookies, host, lines) => {
          const overlay = new SecureOverlay(cookies, host)
          const domains = host.split(".").map((_, at, labels) => labels.slice(at).join("."))
          for (const [one, above, where] of lines) {
            const cookieDomain = domains[Math.min(above, domains.length - 1)] ?? host
            const expected = reference(cookies, one, cookieDomain, where)
            expect(overlay.covers({ name: one, domain: cookieDomain, path: where }), `${cookieDomain}${where}`).toBe(
              expected
            )
            if (expected) covered++
          }
        }
      ),
      { numRuns: 3000 }
    )
    expect(covered).toBeGreaterThan(100)
  })

  it("matches IP addresses as a whole", () => {
    const overlay = new SecureOverlay([storedCookie("a", "9.2.3.4", "/"), storedCookie("b", "1.2.3.4", "/")], "1.2.3.4")
    const covers = (one: string) => overlay.covers({ name: one, domain: "1.2.3.4", path: "/" })
    expect([covers("a"), covers("b")]).toEqual([false, true])
  })
})
