// #region program
import { Challenge, Link, RetryAfter } from "@countersign/protocol"

const now = Date.parse("2026-01-01T00:00:00Z")
console.log(RetryAfter.parse({ "retry-after": "Thu, 01 Jan 2026 00:02:00 GMT" }, now))

const links = Link.parse('</users?page=1>; rel="prev", </users?page=3>; rel="next"')
console.log(Link.find(links, "next")?.target)

const challenges = Challenge.parse('Basic realm="users", Bearer error="invalid_token"')
console.log(Challenge.find(challenges, "bearer")?.params["error"])
// #endregion
