import { isDigit, skip } from "./Char.js"

/**
 * Reads `1*DIGIT [ "." 1*DIGIT ]` and nothing else: no sign, exponent, hexadecimal or blank.
 *
 * The value is multiplied by `scale`, a power of ten up to 1000, and rounded up, without going through a floating-point
 * number that could lose digits; it is at most `Number.MAX_SAFE_INTEGER`, however many digits there are.
 *
 * @internal
 */
export const parse = (text: string, scale: 1 | 1000): number | undefined => {
  const point = skip(text, 0, isDigit)
  const end = text[point] === "." ? skip(text, point + 1, isDigit) : point
  if (point === 0 || end !== text.length || end === point + 1) return undefined

  const start = skip(text, 0, isZero, point)
  const places = scale === 1000 ? 3 : 0
  // 13 digits times 1000 are the most that can be safe.
  if (point - start + places > 16) return Number.MAX_SAFE_INTEGER
  const scaled = text.slice(start, point) + text.slice(point + 1, point + 1 + places).padEnd(places, "0")
  const remainder = skip(text, Math.min(point + 1 + places, end), isZero) < end ? 1 : 0
  return Math.min(Number(scaled) + remainder, Number.MAX_SAFE_INTEGER)
}

const isZero = (code: number): boolean => code === 0x30
