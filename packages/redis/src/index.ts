/**
 * The public modules of `@countersign/redis` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/** Events of rate limiters in Redis for monitoring: the start and the end of each outage, as a stream and a metric. */
export * as RateLimitEvents from "./RateLimitEvents.js"
/** Connection to Redis: the client of ioredis that the other modules of this package use. */
export * as RedisClient from "./RedisClient.js"
/**
 * Rate limits in Redis: processes count their requests together, and a 429 that one of them receives makes the requests of all
 * wait.
 */
export * as RedisRateLimit from "./RedisRateLimit.js"
/** Rate limiter in Redis: the processes of many machines share the counts. */
export * as RedisRateLimiter from "./RedisRateLimiter.js"
/** Token store in Redis, which processes on many machines share. */
export * as RedisTokenStore from "./RedisTokenStore.js"
