/** The pairs of a `Cookie` header (RFC 6265 §4.2.1). */
const pairsOf = (header: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")

/** The name of a pair; empty for one without a name, which is its value alone. */
const nameOf = (pair: string): string => pair.slice(0, Math.max(0, pair.indexOf("="))).trimEnd()

/**
 * One `Cookie` header of two: all of the first, and of the second the cookies that the first does not name. Servers differ in
 * which of two cookies of one name they take.
 */
export const merge = (first: string, second: string): string => {
  if (first === "") return second
  const pairs = pairsOf(first)
  const names = new Set(pairs.map(nameOf))
  const added = pairsOf(second).filter((pair) => !names.has(nameOf(pair)))
  return added.length === 0 ? first : [...pairs, ...added].join("; ")
}
