/** See `OAuth2.dangerouslyPlainHttpOnLoopback`, which is this. */
export const dangerouslyPlainHttpOnLoopback: unique symbol = Symbol.for(
  "@countersign/auth/OAuth2/dangerouslyPlainHttpOnLoopback"
)
