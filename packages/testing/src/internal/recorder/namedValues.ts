/** Values with secret names in any text: members of JSON, parameters, settings, and user information of URLs. Linear. */
import type { Hide, Replaced } from "./quoted.js"
import { memberName, replaceValue } from "./quoted.js"

/** Which names are secret, and what replaces their values. */
export interface Rules {
  readonly isMember: (name: string) => boolean
  readonly isParameter: (name: string) => boolean
  readonly hide: (name: string, value: string) => string
}

/** Replaces what `replace` returns for each head of a value. The next head may begin in a value that is not replaced. */
export const replaceAfter = (
  text: string,
  head: RegExp,
  replace: (found: RegExpExecArray, from: number) => Replaced | undefined
): string => {
  const heads = new RegExp(head)
  const shown: Array<string> = []
  let at = 0
  for (let found = heads.exec(text); found !== null; found = heads.exec(text)) {
    const replaced = replace(found, heads.lastIndex)
    if (replaced === undefined) continue
    shown.push(text.slice(at, heads.lastIndex), replaced.shown)
    at = heads.lastIndex = replaced.end
  }
  return at === 0 ? text : shown.join("") + text.slice(at)
}

/** A value of a form without its encoding. Any other text stays. */
export const decoded = (text: string): string => {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return text
  }
}

/** The name of a member, with or without quotes, up to its value. Only one search can cross each part of the text. */
const member =
  /(?:(["'])((?:[^"'\\]|\\u[\dA-Fa-f]{4}){1,100})\\*\1|(?<![\w$%-])([A-Za-z_$][\w$-]{0,99}))\s*(?::|=>?)\s*/g

/** Hides strings, lists and objects with a secret name. */
export const members = (text: string, { hide, isMember }: Rules): string =>
  replaceAfter(text, member, ([, , quoted, bare], from) => {
    const name = memberName(quoted ?? bare ?? "")
    return isMember(name) ? replaceValue(text, from, (value) => hide(name, value)) : undefined
  })

/** The name of a parameter, after the start of the text or a separator. JSON may have escapes for the separators. */
const parameter = /(^|[?&#\s"'<>;,({|]|\\[nrt]|\\u00(?:26|23|3[fFbB]))([^=&?#\s"'<>;,({|\\]+)(?:=|\\u003[dD])/g

const valueInUrl = /(?:(?!\\u0026)[^&#\s"'<>])*/y
const valueInText = /(?:(?!\\u0026)[^&#\s"'<>;,])*/y

const matchAt = (pattern: RegExp, text: string, from: number): string => {
  pattern.lastIndex = from
  return pattern.exec(text)?.[0] ?? ""
}

/** Hides values of parameters, and replaces what is secret in percent-encoded values with `nested`. */
export const parameters = (text: string, { hide, isMember, isParameter }: Rules, nested: Hide): string => {
  let checked = 0
  return replaceAfter(text, parameter, ([, before = "", encoded = ""], from) => {
    const name = decoded(encoded)
    const isUrl = /^(?:[?&#]|\\u)/.test(before)
    if (isMember(name) || isParameter(name)) {
      const value = matchAt(isUrl ? valueInUrl : valueInText, text, from)
      const end = from + value.length
      // `code=5` in a sentence is public. In `code=5&state=1` it is a parameter.
      if (isUrl || isMember(name) || text[end] === "&") return { shown: hide(name, value), end }
    }
    if (from < checked) return undefined
    const value = matchAt(valueInUrl, text, from)
    checked = from + value.length
    if (!value.includes("%")) return undefined
    const plain = decoded(value)
    const shown = nested(plain)
    return shown === plain
      ? undefined
      : { shown: encodeURIComponent(shown).replaceAll("%3Credacted%3E", "<redacted>"), end: checked }
  })
}

/** The password of a URL. */
const password = /:\/\/[^\s/?#@:"'<>]*:(?=[^\s/?#@"'<>]+@)/g

/** Hides passwords in URLs. */
export const passwords = (text: string, { hide }: Rules): string =>
  replaceAfter(text, password, (_, from) => {
    const end = text.indexOf("@", from)
    return { shown: hide("password", text.slice(from, end)), end }
  })

/** A line with a name and a value, such as a header field or a line of YAML. */
const line = /^[ \t<>*-]*([A-Za-z_][\w.-]{0,99})[ \t]*[:=][ \t]+(?=[^\s"'[{<|&])/gm

/** Hides the rest of each line that begins with a secret name. */
export const lines = (text: string, { hide, isMember }: Rules): string =>
  replaceAfter(text, line, ([, name = ""], from) => {
    if (!isMember(name)) return undefined
    const value = matchAt(/[^\r\n]*/y, text, from)
    return { shown: hide(name, value), end: from + value.length }
  })
