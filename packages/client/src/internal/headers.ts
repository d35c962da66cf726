/** Headers that describe the message on the wire belong to the transport: from outside they smuggle requests. */
const transportsOwn: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect"
])

/** `token` of RFC 9110 §5.6.2, one flag a character. */
const tokenCharacters: ReadonlyArray<boolean> = Array.from({ length: 128 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code))
)

const isToken = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) {
    if (tokenCharacters[name.charCodeAt(i)] !== true) return false
  }
  return name.length > 0
}

/** `field-value` of RFC 9110 §5.5: visible characters, spaces and tabs, and bytes above 127. */
const isValue = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false
  }
  return true
}

/** What keeps headers off the wire, in words that repeat no value; undefined when nothing does. */
export const headerProblem = (headers: Readonly<Record<string, string>>): string | undefined => {
  for (const name in headers) {
    if (!isToken(name)) return `a header name holds a character that is not allowed there`
    if (transportsOwn.has(name)) return `the header "${name}" is set by the transport; leave it out`
    if (!isValue(headers[name] ?? "")) {
      return `the value of the header "${name}" holds a control character or one beyond Latin-1; remove it (a line break at the end?)`
    }
  }
  return undefined
}
