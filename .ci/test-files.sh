# The test files, for `.ci/run`.

list_tests() { git ls-files --cached --others --exclude-standard -- '*.test.*ts' '*.test.*js'; }

# The files of the project `slow` in `.config/vitest.config.ts`, as beginnings of their paths.
slow_tests=(
  'stress/test/'
  'conformance/test/(cacheTests|conformance|mutants|workerd)\.'
  'examples/test/(demo\.redis|packed)\.'
  'auth/test/Digest\.servers\.'
  'node/test/(EncryptedTokenStore|FileTokenStore|KeychainTokenStore)\.contract\.'
  'node/test/schemes\.'
  'node/test/(Batch|Download|FileTokenStore)\.processes\.'
  'redis/test/(RedisRateLimit\.throttle|RedisTokenStore\.contract|RedisTokenStore\.replicas|partition|topologies)\.'
  'sql/test/SqlTokenStore\.(contract|faults|lostServer|processes)\.'
  'testing/test/(PostgresReplication|TokenStoreContract)\.'
)
list_slow_tests() {
  list_tests | grep -E "^packages/($(IFS='|' && echo "${slow_tests[*]}"))" | grep -Fxv packages/stress/test/stress.test.ts
}
