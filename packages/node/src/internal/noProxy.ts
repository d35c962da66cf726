import { canonical } from "./address.js"

/** One entry of a list of hosts: a name with all below it, or an address, on one port or on all. */
interface Entry {
  readonly host: string
  readonly port: string | undefined
}

/** `host:port` and `[v6]:port` hold a port, `::1` does not. */
const withPort = /^(\[.*\]|[^:]*):(\d{1,5})$/

const entryOf = (text: string): Entry | undefined => {
  const [, host = text, port] = withPort.exec(text) ?? []
  const name = canonical(host.replace(/^\*?\./, ""))
  return name === undefined || name === "" ? undefined : { host: name, port }
}

/**
 * Whether a host is one of those that a list in the form of `NO_PROXY` names: names (which hold for what is below
 * them, too, with or without a dot in front), addresses (IPv6 in brackets or without), each with a port or without,
 * and `*` for all. Between them there are commas or blanks. Networks (`10.0.0.0/8`) are not understood.
 *
 * @param list - the value of `NO_PROXY`.
 * @returns a function of the host as in a URL and its port, a default one included.
 */
export const noProxy = (list: string): ((host: string, port: string) => boolean) => {
  const texts = list.split(/[\s,]+/)
  if (texts.includes("*")) return () => true
  const entries = texts.map(entryOf).filter((entry) => entry !== undefined)
  return (host, port) => {
    const name = canonical(host)
    if (name === undefined) return false
    return entries.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) && (name === entry.host || name.endsWith(`.${entry.host}`))
    )
  }
}
