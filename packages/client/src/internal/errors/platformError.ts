/** Errors of the platform that an error of ours stands behind. */
import type { InvalidRequest, RedirectRejected, TransportError } from "../../Errors.js"

/** What the platform's error of a client of ours means to another one of ours that has that client as its transport. */
export const clientErrorOf: WeakMap<object, TransportError | InvalidRequest | RedirectRejected> = new WeakMap()
