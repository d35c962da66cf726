/** Platform errors that were made from errors of this package. */
import type { InvalidRequest, RedirectRejected, TransportError } from "../../Errors.js"
import { ErrorMap } from "./errorMap.js"

/** For clients that use another client as transport: the inner client's typed error, by its platform error. */
export const clientErrorOf: WeakMap<object, TransportError | InvalidRequest | RedirectRejected> =
  /* @__PURE__ */ new ErrorMap()
