/** See `OAuth2.dangerouslyAllowHttpOnLoopback`, which is this; it is known by what it is, and not by what it looks like. */
export const dangerouslyAllowHttpOnLoopback: { readonly _tag: "DangerouslyAllowHttpOnLoopback" } = {
  _tag: "DangerouslyAllowHttpOnLoopback"
}
