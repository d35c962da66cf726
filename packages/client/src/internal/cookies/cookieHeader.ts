/** The pairs of a `Cookie` header (RFC 6265 §4.2.1). */
const pairsOf = (header: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")

/** The name of a pair. Empty for a pair that is only a value. */
const nameOf = (pair: string): string => pair.slice(0, Math.max(0, pair.indexOf("="))).trimEnd()

/**
 * Merges two `Cookie` headers: all cookies of the first, and those of the second with a name that is not in the first.
 * Servers differ in which of two cookies with one name they use.
 */
export const merge = (first: string, second: string): string => {
  if (first === "") return second
  const pairs = pairsOf(first)
  const names = new Set(pairs.map(nameOf))
  const added = pairsOf(second).filter((pair) => !names.has(nameOf(pair)))
  return added.length === 0 ? first : [...pairs, ...added].join("; ")
}
