/** Process in which the parsers of `protocol` are measured. */
import { answer } from "@countersign/bench/Remote"
import { corpus } from "../parsers/corpus.js"
import { measure } from "../parsers/parsers.js"

const methods = { measure: (inputs: number) => measure(Object.values(corpus).flat(), inputs) }

/** Methods of the process. */
export type ParsersProcess = typeof methods

answer(methods)
