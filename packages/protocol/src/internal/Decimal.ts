import { isDigit, skip } from "./Char.js"

/**
 * Parses `1*DIGIT [ "." 1*DIGIT ]`, without sign, exponent, hexadecimal or blanks.
 *
 * The value is multiplied by `scale` and rounded up. It does not pass through a floating-point number, which could lose
 * digits. It is at most `Number.MAX_SAFE_INTEGER`, whatever the number of digits.
 *
 * @internal
 */
export const parse = (text: string, scale: 1 | 1000): number | undefined => {
  const point = skip(text, 0, isDigit)
  const end = text[point] === "." ? skip(text, point + 1, isDigit) : point
  if (point === 0 || end !== text.length || end === point + 1) return undefined

  const start = skip(text, 0, isZero, point)
  const places = scale === 1000 ? 3 : 0
  // 13 digits times 1000 is the largest value that can be a safe integer.
  if (point - start + places > 16) return Number.MAX_SAFE_INTEGER
  const scaled = text.slice(start, point) + text.slice(point + 1, point + 1 + places).padEnd(places, "0")
  const remainder = skip(text, Math.min(point + 1 + places, end), isZero) < end ? 1 : 0
  return Math.min(Number(scaled) + remainder, Number.MAX_SAFE_INTEGER)
}

const isZero = (code: number): boolean => code === 0x30
