// The first module of a worker thread of the tests: `holdInThread.ts` is TypeScript.
import { register } from "tsx/esm/api"

register()
await import("./holdInThread.ts")
