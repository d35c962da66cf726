/**
 * The public modules of `@countersign/testing` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/**
 * Embedded server of event streams for tests: it sends what a script says, with cuts, gaps, slow drips and silences. It requires
 * Node.
 */
export * as EventServer from "./EventServer.js"
/** TCP proxy that injects network faults in front of a real server. Its faults can change while it runs. It requires Node. */
export * as FaultProxy from "./FaultProxy.js"
/**
 * Embedded file server for tests of downloads: ranges, files that change, connections that break, and headers that lie. It
 * requires Node.
 */
export * as FileServer from "./FileServer.js"
/**
 * Embedded httpbin for tests, on a port or in memory. Under `/countersign/`, it adds endpoints that ask for waits and that
 * reject credentials.
 */
export * as HttpBin from "./HttpBin.js"
/**
 * Mock transport: an `HttpClient` of the platform that responds from a script or from routes, opens no socket, and records
 * requests, their times, and the release of each response body.
 */
export * as MockClient from "./MockClient.js"
/**
 * OAuth 2 and OpenID Connect authorization server for tests, on a port or in memory. It has refresh token rotation with reuse
 * detection, a protected resource, and a token endpoint with configurable faults.
 */
export * as OAuthServer from "./OAuthServer.js"
/**
 * PostgreSQL primary with a standby for tests of failovers. The standby receives each write with a delay, so that a failover
 * loses the last ones if it is asynchronous: on one machine, even a killed server loses nothing, because the system sends
 * what it has written.
 */
export * as PostgresReplication from "./PostgresReplication.js"
/**
 * PostgreSQL server for tests: a `postgres` process on a free port of the loopback interface, with a database of its own, and
 * a PgBouncer in front of it. It requires Node and PostgreSQL, but no running service.
 */
export * as PostgresServer from "./PostgresServer.js"
/** Recorder: stores the responses of a real API in a file, without secrets, and replays them in tests. */
export * as Recorder from "./Recorder.js"
/**
 * Redis primary with a replica for tests of failovers. The replica receives each write with a delay, so that a failover loses
 * the last ones: on one machine, even a killed server loses nothing, because the system sends what it has written.
 */
export * as RedisReplication from "./RedisReplication.js"
/**
 * Redis server for tests: a `redis-server` process on a free port of the loopback interface, without persistence. It requires
 * Node, and Redis 7 in `PATH`.
 */
export * as RedisServer from "./RedisServer.js"
/** Contract tests for token stores: cases that every store must pass, for any test runner. */
export * as TokenStoreContract from "./TokenStoreContract.js"
