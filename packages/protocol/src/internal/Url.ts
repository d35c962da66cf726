/**
 * The WHATWG parser without its exception. It is the parser that the transports use, so what is decided here about a
 * URL is true of what they send.
 *
 * @internal
 */
export const parse = (text: string, base?: URL): URL | undefined => {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/** Whether the scheme is http or https. */
export const isHttp = (url: URL): boolean => url.protocol === "https:" || url.protocol === "http:"

/** Whether the URL carries a user name or a password. */
export const hasUserinfo = (url: URL): boolean => url.username !== "" || url.password !== ""
