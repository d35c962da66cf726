/** The `Secure` cookies that a response without TLS must not overlay (draft-ietf-httpbis-rfc6265bis, §5.7). */
import type { StoredCookie } from "./cookieStore.js"
import { pathMatches } from "./parseSetCookie.js"

/**
 * For each path, the length of the longest domain of the host that overlaps with the cookie's domain. Shorter domains
 * of the host overlap too.
 */
type Paths = Map<string, number>

/**
 * The `Secure` cookies of a jar that a response of one host could overlay. It is made once per response, so that the
 * cost is the sum of the sizes of jar and response, not their product.
 */
export class SecureOverlay {
  readonly #byName = new Map<string, Paths>()
  readonly #coverCache = new Map<string, boolean>()

  constructor(cookies: Iterable<StoredCookie>, host: string) {
    const overlapByDomain = new Map<string, number>()
    for (const { domain, name, path, secure } of cookies) {
      if (!secure) continue
      const overlap = overlapByDomain.get(domain) ?? overlapLength(domain, host)
      overlapByDomain.set(domain, overlap)
      if (overlap === 0) continue
      const paths = this.#byName.get(name) ?? new Map<string, number>()
      this.#byName.set(name, paths)
      paths.set(path, Math.max(overlap, paths.get(path) ?? 0))
    }
  }

  /** Whether a cookie would overlay one of them. Its domain must be the host or a parent domain. */
  covers({ domain, name, path }: Pick<StoredCookie, "domain" | "name" | "path">): boolean {
    const paths = this.#byName.get(name)
    if (paths === undefined) return false
    const key = `${domain.length}=${name}=${path}`
    const covered = this.#coverCache.get(key) ?? isCovered(path, domain.length, paths)
    this.#coverCache.set(key, covered)
    return covered
  }
}

/**
 * Length of the longest domain of the host, including the host itself, that equals the cookie's domain or is above or
 * below it. 0 if no domain overlaps. A cookie of the host or of a parent domain overlaps with all domains of the host.
 */
const overlapLength = (domain: string, host: string): number => {
  if (isInDomain(host, domain)) return host.length
  const maxLength = Math.min(domain.length, host.length)
  let common = 0
  while (common < maxLength && domain.at(-1 - common) === host.at(-1 - common)) common++
  if (common === domain.length || common === host.length) {
    const longer = common === domain.length ? host : domain
    if (longer.at(-1 - common) === ".") return common
  }
  // The common suffix may begin inside a label. The part after its first dot is a domain of both.
  const dot = host.slice(host.length - common).indexOf(".")
  return dot === -1 ? 0 : common - dot - 1
}

const isInDomain = (host: string, domain: string): boolean =>
  host.endsWith(domain) && (host.length === domain.length || host.at(-1 - domain.length) === ".")

const isCovered = (path: string, domain: number, paths: Paths): boolean => {
  const overlapsAt = (other: string): boolean => (paths.get(other) ?? 0) >= domain
  const slashes = slashesOf(path)
  if (paths.size < 2 * slashes.length) {
    for (const other of paths.keys()) if (overlapsAt(other) && pathMatches(path, other)) return true
    return false
  }
  return overlapsAt(path) || slashes.some((at) => overlapsAt(path.slice(0, at)) || overlapsAt(path.slice(0, at + 1)))
}

const slashesOf = (path: string): ReadonlyArray<number> => {
  const slashes: Array<number> = []
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) slashes.push(at)
  return slashes
}
