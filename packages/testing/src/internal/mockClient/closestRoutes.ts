/** The routes that are most similar to a request that none of them matches. */
import type { Pattern, Target } from "./routePattern.js"

/** Maximum number of characters that are compared, because the time is quadratic. */
const maxCompared = 200

/** Number of characters to insert, remove or replace (Levenshtein distance). */
const distance = (a: string, b: string): number => {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + Number(a[row - 1] !== b[column - 1])
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[b.length] ?? 0
}

/**
 * The path of a pattern, with segments of the request in place of its parameters. `offset` is the number of segments that the
 * request has before it, such as those of the base URL.
 */
const filled = ({ segments }: Pattern, target: Target, offset: number): string =>
  segments
    .map((segment, index) => {
      if (segment._tag === "Rest") return target.segments.slice(index + offset).join("/")
      return segment._tag === "Literal" ? segment.text : (target.segments[index + offset] ?? "")
    })
    .join("/")

const distanceOf = (pattern: Pattern, target: Target): number => {
  const path = target.segments.join("/").slice(0, maxCompared)
  const offsets = [0, Math.max(0, target.segments.length - pattern.segments.length)]
  const distances = offsets.map((offset) => distance(path, filled(pattern, target, offset).slice(0, maxCompared)))
  const hasOrigin = pattern.origin === undefined || pattern.origin === target.origin
  return Math.min(...distances) + (hasOrigin ? 0 : 1) + (pattern.method === target.method ? 0 : 2)
}

/** At most three patterns, the most similar one first. */
export const closest = (patterns: ReadonlyArray<Pattern>, target: Target): ReadonlyArray<string> =>
  patterns
    .map((pattern) => ({ text: pattern.text, far: distanceOf(pattern, target) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ text }) => text)
