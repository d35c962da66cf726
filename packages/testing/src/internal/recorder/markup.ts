/** Secrets in XML and HTML: elements and attributes with secret names. Linear. */
import { replaceAfter, type Rules } from "./namedValues.js"
import type { Replaced } from "./quoted.js"

const tag = /<(\/?)([A-Za-z_][\w.:-]{0,99})((?:\s[^<>]*)?)>/g

const attribute = /(?<![\w.:-])([\w.:-]{1,100})(\s*=\s*)(?:"([^"]*)"|'([^']*)')/g

/** Attributes that contain a name, and attributes that contain its value. */
const nameAttribute = /^(?:id|key|name|property)$/i
const valueAttribute = /^(?:content|value)$/i

/** Attributes of XML itself. */
const ofSyntax = /^(?:xmlns|xsi|xml)(?::|$)/i

const localName = (name: string): string => name.slice(name.indexOf(":") + 1)

/** Hides the values of some attributes. */
const hideAttributes = (
  attributes: string,
  isHidden: (name: string) => boolean,
  hide: (value: string) => string
): string =>
  attributes.replace(attribute, (all: string, name: string, equals: string, double?: string, single?: string) => {
    if (!isHidden(name)) return all
    return double === undefined ? `${name}${equals}'${hide(single ?? "")}'` : `${name}${equals}"${hide(double)}"`
  })

/** The secret name that a tag has in its attributes, as in `<input name="csrf" value="…">`. */
const nameInAttributes = (attributes: string, { isMember }: Rules): string | undefined => {
  for (const [, name = "", , double, single] of attributes.matchAll(attribute)) {
    const value = double ?? single ?? ""
    if (nameAttribute.test(name) && isMember(value)) return value
  }
  return undefined
}

/** Where the last closing tag of each name begins. */
const lastClosingTags = (text: string): ReadonlyMap<string, number> => {
  const last = new Map<string, number>()
  for (const { 1: slash, 2: name = "", index } of text.matchAll(tag)) if (slash === "/") last.set(name, index)
  return last
}

const hideText = (text: string, hide: (value: string) => string): string => {
  const value = text.trim()
  return value === "" ? text : text.replace(value, () => hide(value))
}

/** Hides the texts and attributes of an element, from the end of its first tag to the last one. */
const hideElement = (text: string, from: number, element: string, rules: Rules): Replaced => {
  const hide = (value: string): string => rules.hide(localName(element), value)
  const tags = new RegExp(tag)
  const shown: Array<string> = []
  let [at, depth] = [from, 1]
  tags.lastIndex = from
  for (let found = tags.exec(text); found !== null && depth > 0; found = depth > 0 ? tags.exec(text) : null) {
    const [all, slash, name = "", attributes = ""] = found
    if (name === element && !attributes.endsWith("/")) depth += slash === "/" ? -1 : 1
    const start = `<${slash ?? ""}${name}`
    const hidden = hideAttributes(attributes, (attributeName) => !ofSyntax.test(attributeName), hide)
    shown.push(hideText(text.slice(at, found.index), hide), `${start}${hidden}>`)
    at = found.index + all.length
  }
  if (depth === 0) return { shown: shown.join(""), end: at }
  return { shown: shown.join("") + hideText(text.slice(at), hide), end: text.length }
}

/** The text after a tag without a closing tag: it may be cut off, or be no XML. */
const hideUnclosed = (text: string, from: number, hide: (value: string) => string): Replaced => {
  const word = /[^\s<>"'`]*/y
  word.lastIndex = from
  const value = word.exec(text)?.[0] ?? ""
  return { shown: hide(value), end: from + value.length }
}

const opening = /<(?=[A-Za-z_])/g

/** Hides elements and attributes with secret names. */
export const elements = (text: string, rules: Rules): string => {
  const sticky = new RegExp(tag, "y")
  let closing: ReadonlyMap<string, number> | undefined
  return replaceAfter(text, opening, (_, from) => {
    sticky.lastIndex = from - 1
    const [all = "", , name = "", attributes = ""] = sticky.exec(text) ?? []
    const end = from - 1 + all.length
    if (all === "") return undefined
    if (!rules.isMember(localName(name))) {
      const named = attributes === "" ? undefined : nameInAttributes(attributes, rules)
      if (named === undefined) return undefined
      const hide = (value: string): string => rules.hide(named, value)
      return { shown: `${name}${hideAttributes(attributes, (other) => valueAttribute.test(other), hide)}>`, end }
    }
    const hide = (value: string): string => rules.hide(localName(name), value)
    const head = `${name}${hideAttributes(attributes, (other) => !ofSyntax.test(other), hide)}>`
    if (attributes.endsWith("/")) return { shown: head, end }
    closing ??= lastClosingTags(text)
    const isClosed = (closing.get(name) ?? -1) >= end
    const rest = isClosed ? hideElement(text, end, name, rules) : hideUnclosed(text, end, hide)
    return { shown: head + rest.shown, end: rest.end }
  })
}
