/** The value of `OAuth2.dangerouslyAllowHttpOnLoopback`. It is compared by identity, so an equal object has no effect. */
export const dangerouslyAllowHttpOnLoopback: { readonly _tag: "DangerouslyAllowHttpOnLoopback" } = {
  _tag: "DangerouslyAllowHttpOnLoopback"
}
