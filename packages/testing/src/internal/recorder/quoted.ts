/** Quoted strings, lists and objects in a text that is JSON or JavaScript as a whole or in part. */

/** A part of a text with its secrets replaced, and the index after it. */
export interface Replaced {
  readonly shown: string
  readonly end: number
}

/** Replaces a value. */
export type Hide = (value: string) => string

/** How many backslashes stand before an index. */
const backslashesBefore = (text: string, index: number, from: number): number => {
  let start = index
  while (start > from && text[start - 1] === "\\") start--
  return index - start
}

/**
 * The end of the content of a string. In JSON in a string of JSON each quote has a backslash before it, and one more level
 * doubles it: `escapes` is that number for the opening quote.
 */
const endOfContent = (text: string, from: number, quote: string, escapes: number): number => {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    const found = backslashesBefore(text, at, from)
    const isClosing = found < escapes || Math.floor((found - escapes) / (escapes + 1)) % 2 === 0
    if (isClosing) return at - Math.min(found, escapes)
  }
  return text.length
}

const unescaped = (content: string): string => {
  if (!content.includes("\\")) return content
  try {
    return String(JSON.parse(`"${content}"`))
  } catch {
    return content
  }
}

/** The name of a member without its escapes. */
export const memberName = (name: string): string => unescaped(name)

/** Replaces the string that begins with the quote at `at`. A string without an end has the rest of the text. */
const replaceString = (text: string, at: number, from: number, hide: Hide): Replaced => {
  const quote = text[at] ?? ""
  const end = endOfContent(text, at + 1, quote, backslashesBefore(text, at, from))
  const closing = text.indexOf(quote, end)
  return {
    shown: hide(unescaped(text.slice(at + 1, end))) + text.slice(end, closing === -1 ? end : closing + 1),
    end: closing === -1 ? text.length : closing + 1
  }
}

/** Replaces the strings of a list or an object, and keeps the names of members, numbers and booleans. */
const replaceContainer = (text: string, from: number, hide: Hide): Replaced => {
  const special = /["'[\]{},]/g
  const open: Array<string> = []
  const shown: Array<string> = []
  let previous = ""
  let at = from
  special.lastIndex = from
  for (let found = special.exec(text); found !== null; found = special.exec(text)) {
    const character = found[0]
    if (character === "[" || character === "{") open.push(character)
    if ((character === "]" || character === "}") && (open.pop(), open.length === 0)) break
    if (character === '"' || character === "'") {
      const string = replaceString(text, found.index, at, hide)
      const isName =
        open.at(-1) === "{" &&
        (previous === "{" || previous === ",") &&
        /\s*:/y.test(text.slice(string.end, string.end + 20))
      shown.push(text.slice(at, found.index + 1), isName ? text.slice(found.index + 1, string.end) : string.shown)
      at = special.lastIndex = string.end
    }
    previous = character
  }
  const end = special.lastIndex === 0 ? text.length : special.lastIndex
  return { shown: shown.join("") + text.slice(at, end), end }
}

/** Replaces the string, list or object at an index. Undefined if another value stands there. */
export const replaceValue = (text: string, from: number, hide: Hide): Replaced | undefined => {
  let at = from
  while (text[at] === "\\") at++
  const first = text[at]
  if (first === '"' || first === "'") {
    const { end, shown } = replaceString(text, at, from, hide)
    return { shown: text.slice(from, at + 1) + shown, end }
  }
  return at === from && (first === "[" || first === "{") ? replaceContainer(text, from, hide) : undefined
}
