/** The process in which the parsers of `protocol` are put to the test. */
import { answer } from "../Remote.js"
import { corpus } from "../stress/corpus.js"
import { measure } from "../stress/parsers.js"

const methods = { measure: (inputs: number) => measure(Object.values(corpus).flat(), inputs) }

/** What the process answers to. */
export type ParsersProcess = typeof methods

answer(methods)
