import { answers } from "./contract/answers.js"
import { failures } from "./contract/failures.js"
import { interruption } from "./contract/interruption.js"
import { requests } from "./contract/requests.js"
import type { Transport } from "./contract/transport.js"

/**
 * What platform expects of an `HttpClient`, against servers on real sockets. Where transports differ, `Differences`
 * says which of the outcomes is whose.
 */
export const contract = (transport: Transport): void => {
  requests(transport)
  answers(transport)
  // Their servers write HTTP/1.1 by hand. What ends a response over HTTP/2 has tests of its own.
  if (transport.serve === undefined) failures(transport)
  interruption(transport)
}
