/**
 * The public modules of `@countersign/sql` as namespaces. `npm run docs -- --write` writes this file.
 *
 * @since 0.1.0
 */
/** Token store in a database of `@effect/sql`, which processes on many machines share: PostgreSQL, or SQLite. */
export * as SqlTokenStore from "./SqlTokenStore.js"
