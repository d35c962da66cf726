/** The tutorial in its order, then what goes beyond it. */
import type { Scenario } from "./Scenario.js"
import { basicAuth } from "./scenarios/basicAuth.js"
import { beyond } from "./scenarios/beyond.js"
import { completeClient } from "./scenarios/completeClient.js"
import { customSignature } from "./scenarios/customSignature.js"
import { digestAuth } from "./scenarios/digestAuth.js"
import { downloadResumed } from "./scenarios/downloadResumed.js"
import { fallbackCredentials } from "./scenarios/fallbackCredentials.js"
import { inspectChallenge } from "./scenarios/inspectChallenge.js"
import { paginated } from "./scenarios/paginated.js"
import { rateLimited } from "./scenarios/rateLimited.js"
import { retryBackoff } from "./scenarios/retryBackoff.js"
import { session } from "./scenarios/session.js"
import { streamResumed } from "./scenarios/streamResumed.js"
import { tokenRefreshed } from "./scenarios/tokenRefreshed.js"
import { tokenStored } from "./scenarios/tokenStored.js"
import { unauthenticated } from "./scenarios/unauthenticated.js"
import { wrongCredentials } from "./scenarios/wrongCredentials.js"

export const scenarios: ReadonlyArray<Scenario> = [
  unauthenticated,
  inspectChallenge,
  basicAuth,
  wrongCredentials,
  fallbackCredentials,
  digestAuth,
  tokenStored,
  tokenRefreshed,
  retryBackoff,
  session,
  customSignature,
  rateLimited,
  completeClient,
  beyond,
  streamResumed,
  paginated,
  downloadResumed
]
