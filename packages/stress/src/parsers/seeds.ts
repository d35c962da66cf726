/** Valid inputs that several parsers share. */

export const urls: ReadonlyArray<string> = [
  "https://api.example.com/v1/users?page=2&q=%C3%BC#top",
  "http://user:password@127.0.0.1:8080/",
  "https://[2001:db8::1]:443/a/../b",
  "//evil.test/x",
  "/v1/users/1",
  "?page=2",
  "HTTPS://EXAMPLE.COM:443",
  "data:text/plain,hello",
  "https://xn--bcher-kva.example/%2e%2e/"
]

export const dates: ReadonlyArray<string> = [
  "Sun, 06 Nov 1994 08:49:37 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov  6 08:49:37 1994",
  "Mon, 23 Nov 2026 00:00:00 GMT"
]

export const challenges: ReadonlyArray<string> = [
  'Basic realm="simple", charset="UTF-8"',
  'Bearer realm="example", error="invalid_token", error_description="The \\"token\\" expired"',
  'Digest realm="a", qop="auth, auth-int", algorithm=SHA-256, nonce="7yp", opaque="FQ"',
  "Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa8=",
  'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'
]

export const digests: ReadonlyArray<string> = [
  "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
  "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:, sha-512=:AAAA:;q=1"
]

export const structured: ReadonlyArray<string> = [
  "sugar, tea;q=0.5, rum",
  '("foo";a=1;b "bar");lvl=-5.125, ();x=@1659578233',
  'en="Apple\\"pie\\\\", da=:w4ZibGV0w6ZydGU=:;v, u=?0',
  '%"f%c3%bc%f0%9f%98%80";*k_-.9=*t:/x'
]
