/** See `OAuth2.dangerouslyPlainHttpOnLoopback`, which is this; it is known by what it is, and not by what it looks like. */
export const dangerouslyPlainHttpOnLoopback: { readonly _tag: "DangerouslyPlainHttpOnLoopback" } = {
  _tag: "DangerouslyPlainHttpOnLoopback"
}
