/** The scripts of a token store. Each is one atomic operation on one key, by the server's clock. */
import type { Script } from "../scripts/script.js"
import * as Scripts from "../scripts/script.js"

/**
 * The format of a record, in its field `f`. Field `v` is its version, and `t` is the token as JSON. Field `g` is a random name
 * of the generation: of the record from its first write until its removal.
 */
export const format = "countersign/token/1"

/** Maximum length of a token as JSON, in bytes. Typical tokens have a few thousand. */
export const maxTextLength = 512 * 1024

/** Results of scripts that are no version. */
export const status = { otherVersion: 0, unsupportedFormat: -1, corrupt: -2 } as const

/**
 * Makes a script that writes. It returns the result of its body, and how many replicas receive the writes of the server: -1 if
 * INFO is not available, as behind some proxies. A replica that still loads the data cannot acknowledge a write, and does not
 * count.
 */
const makeWrite = (body: string, flags?: "allow-oom"): Script =>
  Scripts.make(
    `local function write()
${body.trim()}
end
local result = write()
local info = redis.pcall('INFO', 'replication')
if type(info) ~= 'string' or not string.find(info, 'connected_slaves:', 1, true) then return { result, -1 } end
if string.find(info, 'connected_slaves:0', 1, true) then return { result, 0 } end
local _, online = string.gsub(info, 'slave%d+:[^\\r]*state=online', '')
return { result, online }`,
    flags
  )

/**
 * Reads format and version. A missing key has version 0. Another hash, or another format, is left as it is. So is a version
 * that is no number: the next version is unknown, and no version may occur twice.
 */
const readHead = `
local head = redis.call('HMGET', KEYS[1], 'f', 'v', 'g', 't')
if not head[1] and redis.call('EXISTS', KEYS[1]) == 1 then return ${status.unsupportedFormat} end
if head[1] and head[1] ~= '${format}' then return ${status.unsupportedFormat} end
if head[1] and not (head[2] and #head[2] <= 15 and string.match(head[2], '^%d+$')) then return ${status.corrupt} end
local last = tonumber(head[2] or '0')
local current = head[4] and last or 0
`

/**
 * Compares the version, the generation and the SHA-1 of the token. The last two are empty if the process has not read the record.
 * Versions begin at 1 again after a record was lost: the generation then protects the new record from a process that has the
 * version of the old one. The SHA-1 protects a token that another program has changed without its version.
 */
const compare = `
local function isOther(expected, generation, digest)
  if current ~= tonumber(expected) then return true end
  if current > 0 and generation ~= '' and head[3] ~= generation then return true end
  return current > 0 and digest ~= '' and redis.sha1hex(head[4]) ~= digest
end
`

/**
 * Writes a token if the record is still the expected one. Returns the new version. It does not run while the server has
 * reached `maxmemory`: an old record is better than an evicted one. Arguments: version, token, generation, SHA-1. For version 0,
 * the generation is a new one.
 */
export const compareAndSet: Script = makeWrite(`${readHead}${compare}
if isOther(ARGV[1], ARGV[3], ARGV[4]) then return ${status.otherVersion} end
redis.call('HSET', KEYS[1], 'v', string.format('%d', last + 1), 't', ARGV[2])
if current == 0 then redis.call('HSET', KEYS[1], 'f', '${format}', 'g', ARGV[3]) end
return last + 1`)

/** Removes the token. The version stays, so that it does not occur twice. Arguments: version, generation, SHA-1. */
export const remove: Script = makeWrite(
  `${readHead}${compare}
if current == 0 or isOther(ARGV[1], ARGV[2], ARGV[3]) then return ${status.otherVersion} end
redis.call('HDEL', KEYS[1], 't')
return 1`,
  "allow-oom"
)

/**
 * Reads a record. It is a script without `no-writes`, so that a replica rejects it: its record may be an old one. An oversized
 * token is not sent.
 */
export const read: Script = Scripts.make(
  `
local head = redis.call('HMGET', KEYS[1], 'f', 'v', 'g')
if not head[1] then return { redis.call('EXISTS', KEYS[1]) } end
local length = redis.call('HSTRLEN', KEYS[1], 't')
local text = length <= ${maxTextLength} and redis.call('HGET', KEYS[1], 't')
return { 1, head[1], head[2], length, text, head[3] }`,
  "allow-oom"
)

/**
 * Writes the format again without a change. WAIT counts the last write of a connection, and a new connection has none: without
 * this, WAIT would succeed at once.
 */
export const touch: Script = makeWrite(
  `
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local format = redis.call('HGET', KEYS[1], 'f')
if format then redis.call('HSET', KEYS[1], 'f', format) end
return 1`,
  "allow-oom"
)

/** Takes a lock that is free, or that the owner has already. `allow-oom`: a lock ends by itself, and removals need it. */
export const acquire: Script = Scripts.make(
  `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`,
  "allow-oom"
)

/** Releases the lock of an owner. */
export const release: Script = makeWrite(
  `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
  "allow-oom"
)

/**
 * Renames a record that still has the version and the length of the damaged one. Each write changes the version. The place of
 * the record gets a removed one, which counts versions from the time in milliseconds: no version may occur twice. Keys: the
 * record, and its new place. Arguments: version, length.
 */
export const moveAside: Script = Scripts.make(`
local head = redis.call('HMGET', KEYS[1], 'f', 'v')
if head[1] ~= '${format}' or (head[2] or '') ~= ARGV[1] then return 0 end
if redis.call('HSTRLEN', KEYS[1], 't') ~= tonumber(ARGV[2]) then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'f', head[1], 'v', string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)))
return 1`)
