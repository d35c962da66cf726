/** JSON values of a recording. */

/** Maximum nesting. Deeper values are stored as text, because walking them may exceed the stack. */
const maxDepth = 200

/** An object of JSON. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Whether a value can be walked. */
export const isShallow = (value: unknown, depth = maxDepth): boolean => {
  if (typeof value !== "object" || value === null) return true
  return depth > 0 && Object.values(value).every((member) => isShallow(member, depth - 1))
}

/** Whether `JSON.parse` keeps each number of a text: numbers with more digits lose some. */
const hasExactNumbers = (text: string): boolean => {
  const numbers = text.replace(/"(?:[^"\\]|\\.)*"/g, '""').match(/\d[\d.eE+-]*/g) ?? []
  return numbers.every(
    (number) =>
      Number.isFinite(Number(number)) &&
      number
        .replace(/[eE].*$/, "")
        .replace(/\D/g, "")
        .replace(/^0+/, "").length <= 15
  )
}

/** Parses a text. Undefined if it is not JSON, too deep, or has numbers that JavaScript cannot hold. */
export const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isShallow(value) && hasExactNumbers(text) ? { value } : undefined
  } catch {
    return undefined
  }
}

/** The same value with the members of each object sorted by name. */
export const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)])
  )
}
