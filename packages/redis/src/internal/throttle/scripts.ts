/** The scripts of shared throttles: a sorted set of their ends, by the server's clock. */
import type { Script } from "../scripts/script.js"
import * as Scripts from "../scripts/script.js"

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
`

/** Ends that are later by this many milliseconds at most are the same: processes get their responses at about one time. */
const tolerance = 100

/** Starts or extends a throttle, and sends it to the other processes. Arguments: member, milliseconds, message. */
export const start: Script = Scripts.make(`${now}
local ends = now + tonumber(ARGV[2])
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if known and tonumber(known) >= ends - ${tolerance} then return 0 end
redis.call('ZADD', KEYS[1], string.format('%d', ends), ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], last[2])
redis.call('PUBLISH', KEYS[1], ARGV[3])
return 1`)

/** Returns each throttle as its member and the milliseconds that are left. Argument: the maximum number. */
export const active: Script = Scripts.make(
  `${now}
local found = redis.call('ZRANGE', KEYS[1], now, '+inf', 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[1]), 'WITHSCORES')
for index = 2, #found, 2 do found[index] = string.format('%d', tonumber(found[index]) - now) end
return found`,
  "allow-oom"
)
