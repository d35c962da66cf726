import { responses } from "./contract/responses.js"
import { failures } from "./contract/failures.js"
import { interruption } from "./contract/interruption.js"
import { requests } from "./contract/requests.js"
import type { Transport } from "./contract/transport.js"

/**
 * The behaviour that Effect's platform expects of an `HttpClient`, tested with servers on real sockets. `Differences` lists
 * the behaviour in which transports differ.
 */
export const contract = (transport: Transport): void => {
  requests(transport)
  responses(transport)
  // These servers write HTTP/1.1 by hand. Other tests cover the end of a response over HTTP/2.
  if (transport.serve === undefined) failures(transport)
  interruption(transport)
}
