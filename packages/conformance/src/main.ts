/** `npm run conformance`: OAuth 2 and OpenID Connect against authorization servers that are not ours. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"

NodeRuntime.runMain(Console.error("no server is known yet"))
