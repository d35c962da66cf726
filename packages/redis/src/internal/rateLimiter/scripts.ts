/**
 * The algorithms of `RateLimiter` as scripts, so that one round trip decides. They compute in the order of the originals in
 * `client`, with the same doubles, and so have the same results. The state is MessagePack, which has exact doubles and is read
 * by code in C. Results are texts with 17 digits, which are exact.
 */
import type * as RateLimiter from "@countersign/client/RateLimiter"
import type { Script } from "../scripts/script.js"
import * as Scripts from "../scripts/script.js"

/**
 * Arguments: tokens, limit, window in milliseconds, `1` to reserve, and for tests the time in place of the server's. `finish`
 * stores the state if tokens were taken. The longest expiry is the largest safe integer. A state has at least one number: other
 * data end the script with an error.
 */
const start = `
local time = redis.call('TIME')
local now = tonumber(ARGV[5]) or time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, limit, window, reserve = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local function text(number) return string.format('%.17g', number) end
local function finish(wait, remaining, expires, state)
  if state then
    local last = math.min(math.max(math.ceil(expires), now + 1), 9007199254740991)
    redis.call('SET', KEYS[1], cmsgpack.pack(state), 'PXAT', string.format('%d', last))
  end
  return { text(wait), text(remaining), text(expires - now) }
end
local stored, state = redis.call('GET', KEYS[1]), {}
if stored then
  state = cmsgpack.unpack(stored)
  if not state[1] then error('the key holds other data') end
end
`

const fixedWindow = `
local begun, counted = state[1], state[2] or 0
local isOver = not begun or now >= begun + window
local first = isOver and now or begun
local count = isOver and 0 or counted
local fits = count + tokens <= limit
local from = fits and first or first + window
local wait = math.max(0, from - now)
if wait == 0 or reserve then
  local taken = fits and count + tokens or tokens
  return finish(wait, limit - taken, from + window, { from, taken })
end
return finish(wait, 0, first + window)`

const tokenBucket = `
local before = math.max(state[1] or 0, now)
local after = before + (tokens * window) / limit
local missing = after - now - window
local wait = missing <= 0.01 and 0 or math.ceil(missing)
local isTaken = wait == 0 or reserve
local expires = isTaken and after or before
local remaining = math.max(0, math.floor(limit * (1 - (expires - now) / window) + 0.01))
return finish(wait, remaining, expires, isTaken and { expires })`

/**
 * The state is the older slots as MessagePack, the last slot and its count, the first slot, and the sum of the older ones. While
 * requests of one slot fit, only the count changes, and the older slots are not read.
 */
const slidingWindow = `
local slotMs = math.max(1, math.ceil(window / 64))
local span = slotMs == 1 and math.ceil(window) or math.ceil(window / slotMs) + 1
local slot = math.floor(now / slotMs)
local older, last, count, oldest, sum = state[1], state[2], state[3], state[4], state[5]
if last and last >= slot and oldest > last - span and sum + count <= limit - tokens then
  local wait = math.max(0, last * slotMs - now)
  local isTaken = wait == 0 or reserve
  if isTaken then count = count + tokens end
  local remaining = math.max(0, limit - (sum + count))
  return finish(wait, remaining, (last + span) * slotMs, isTaken and { older, last, count, oldest, sum })
end
local slots, counts = {}, {}
local function add(at, taken)
  if at > slot - span then
    slots[#slots + 1] = at
    counts[#counts + 1] = taken
  end
end
if last then
  local known = cmsgpack.unpack(older)
  for index = 1, #known, 2 do add(known[index], known[index + 1]) end
  add(last, count)
end
local from = math.max(slot, slots[#slots] or slot)
local total = 0
for index, at in ipairs(slots) do if at > from - span then total = total + counts[index] end end
local found = from
if total > limit - tokens then
  for index, at in ipairs(slots) do
    if at > from - span then
      total = total - counts[index]
      if total <= limit - tokens then
        found = at + span
        break
      end
    end
  end
end
local wait = math.max(0, found * slotMs - now)
local isTaken = wait == 0 or reserve
if isTaken and slots[#slots] == found then
  counts[#counts] = counts[#counts] + tokens
elseif isTaken then
  slots[#slots + 1] = found
  counts[#counts + 1] = tokens
end
local newest = slots[#slots] or slot
local used = 0
for index, at in ipairs(slots) do if at > newest - span then used = used + counts[index] end end
if isTaken then
  local before, all = {}, 0
  for index = 1, #slots - 1 do
    before[2 * index - 1], before[2 * index] = slots[index], counts[index]
    all = all + counts[index]
  end
  state = { cmsgpack.pack(before), newest, counts[#counts], slots[1], all }
end
return finish(wait, math.max(0, limit - used), (newest + span) * slotMs, isTaken and state)`

/**
 * The script of each algorithm. They do not run while the server has reached `maxmemory`: the limits of this process then
 * apply.
 */
export const scripts: Readonly<Record<RateLimiter.Algorithm, Script>> = {
  "fixed-window": Scripts.make(start + fixedWindow),
  "sliding-window": Scripts.make(start + slidingWindow),
  "token-bucket": Scripts.make(start + tokenBucket)
}
