/** The process in which the parsers of `protocol` are put to the test. */
import { answer } from "@countersign/bench/Remote"
import { corpus } from "../parsers/corpus.js"
import { measure } from "../parsers/parsers.js"

const methods = { measure: (inputs: number) => measure(Object.values(corpus).flat(), inputs) }

/** What the process answers to. */
export type ParsersProcess = typeof methods

answer(methods)
