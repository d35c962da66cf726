/** Gives the portable steps to a page, which calls the global function. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Layer from "effect/Layer"
import type { Origins } from "./portable.js"
import { run } from "./portable.js"

/** Otherwise a 401 with a Basic challenge opens the browser's dialog, and the request waits for it. */
const withoutDialog = Layer.succeed(FetchHttpClient.RequestInit, { credentials: "omit" })

const http = Layer.provide(FetchHttpClient.layer, withoutDialog)

Object.assign(globalThis, { runSteps: (origins: Origins) => run(origins, http) })
