/**
 * Responses with a body that is still arriving: the result of `api.open`.
 *
 * @since 0.1.0
 */
import * as openResponse from "./internal/response/openResponse.js"

/**
 * Default value of the option `idle` of `api.open`.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: typeof openResponse.defaults = openResponse.defaults

export type { OpenResponse } from "./internal/response/openResponse.js"
