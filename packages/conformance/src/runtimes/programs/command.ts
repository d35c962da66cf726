/** Runs the portable steps with a transport of Node's API: `command TRANSPORT HTTPBIN OAUTH`. */
import * as NodeTransport from "@countersign/node/NodeTransport"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { run } from "./portable.js"

const [transport, httpbin = "", oauth = ""] = process.argv.slice(2)
const http = transport === "fetch" ? FetchHttpClient.layer : NodeTransport.layer

console.log(JSON.stringify(await run({ httpbin, oauth }, http)))
process.exit(0)
