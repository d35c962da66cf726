/** Mutated inputs. The same seed gives the same inputs in every run. */

/** Random numbers from 0 to 1 for a seed. */
const chance = (seed: string): (() => number) => {
  let state = [...seed].reduce((sum, character) => Math.imul(sum, 31) + (character.codePointAt(0) ?? 0), 7)
  // Mulberry32: fast, and 32 bits of state are enough here.
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Text that parsers may fail on: delimiters, control characters, lone surrogates, prototype names, extreme numbers. */
const fragments: ReadonlyArray<string> = [
  ..."\u0000\t\n\r \",;:=\\/?#%@[]{}()<>&+-_.~*'\u007f\u0080\u00ff\ud800\udfff\ufeff\u{1f600}",
  "\r\n",
  "%",
  "%0a",
  "%ff",
  "//",
  "..",
  "__proto__",
  "constructor",
  "toString",
  "NaN",
  "Infinity",
  "-1",
  "1e309",
  "0x10",
  "9007199254740993",
  "99999999999999999999999999",
  "=?:",
  "http:",
  "https://[::1",
  "xn--"
]

type Chance = () => number

const pick = <A>(next: Chance, all: ReadonlyArray<A>, otherwise: A): A =>
  all[Math.floor(next() * all.length)] ?? otherwise

const anywhere = (next: Chance, text: string): number => Math.floor(next() * (text.length + 1))

/** A random part of a text. */
const piece = (next: Chance, text: string): string => {
  const from = anywhere(next, text)
  return text.slice(from, from + Math.floor(next() * 12))
}

const noise = (next: Chance): string =>
  Array.from({ length: 1 + Math.floor(next() * 4) }, () =>
    String.fromCharCode(Math.floor(next() * (next() < 0.7 ? 0x80 : 0x10000)))
  ).join("")

/** One change: an insertion, a deletion, a repetition, or a part of another valid input. */
const mutate = (next: Chance, text: string, seeds: ReadonlyArray<string>): string => {
  const at = anywhere(next, text)
  const rest = text.slice(at)
  switch (Math.floor(next() * 6)) {
    case 0:
      return text.slice(0, at) + pick(next, fragments, "") + rest
    case 1:
      return text.slice(0, at) + noise(next) + rest
    case 2:
      return text.slice(0, at) + rest.slice(Math.floor(next() * 8))
    case 3:
      return text.slice(0, at) + piece(next, pick(next, seeds, "")) + rest
    case 4:
      return text.slice(0, at) + pick(next, fragments, "").repeat(1 + Math.floor(next() * 40)) + rest
    default:
      return text.slice(0, at) + pick(next, fragments, "") + rest.slice(1)
  }
}

/** Inputs that are one to six changes away from a valid input. */
export const mutations = function* (seeds: ReadonlyArray<string>, count: number, seed: string): Generator<string> {
  const next = chance(seed)
  for (let index = 0; index < count; index++) {
    let text = pick(next, seeds, "")
    for (let changes = 1 + Math.floor(next() * 6); changes > 0; changes--) text = mutate(next, text, seeds)
    yield text
  }
}

/** Texts that are repeated to make a long input, and for which a scanner may look back or ahead. */
export const units: ReadonlyArray<string> = [
  ...',"\\ \t=%/.0:;@?#[-+a\u0000\ud800\u00fc',
  "a ",
  "a,",
  "a=",
  'a="',
  'a="b",',
  'a="b"; ',
  '"\\',
  "a;b=1,",
  "%41",
  "../",
  "a:",
  "Basic a=",
  "\u{1f600}"
]

/** The unit, repeated up to the given length. */
export const flood = (unit: string, length: number): string =>
  unit.repeat(Math.ceil(length / unit.length)).slice(0, length)
