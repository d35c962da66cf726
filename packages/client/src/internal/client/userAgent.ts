import { version } from "./version.js"

/** Browsers send their own `user-agent`, and a request with another one needs a preflight. */
const isBrowser = (): boolean => "document" in globalThis || "importScripts" in globalThis

/**
 * The `user-agent` field of a client (RFC 9110 §10.1.5).
 *
 * @param application - name and version of the application. `false` for no field.
 */
export const userAgentHeaders = (application: string | false | undefined): Readonly<Record<string, string>> => {
  if (application === false || isBrowser()) return {}
  return { "user-agent": `${application === undefined ? "" : `${application} `}countersign/${version}` }
}
