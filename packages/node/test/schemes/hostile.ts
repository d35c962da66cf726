/** Fields of responses that may break a scheme. */
import type * as MockClient from "@countersign/testing/MockClient"

const long = "x".repeat(100_000)

const authenticate = (field: string | ReadonlyArray<string>): MockClient.Headers => ({ "www-authenticate": field })

const digest = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'

const many = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(", ")

const challenges: Readonly<Record<string, string | ReadonlyArray<string>>> = {
  "an empty field": "",
  "commas only": ", ,, ,",
  "an open quote": 'Digest realm="r, nonce="n, Bearer error="x',
  "schemes without parameters": "Digest, Bearer, DPoP, Basic, Negotiate, AWS4-HMAC-SHA256",
  "duplicate parameters of Digest":
    'Digest realm="r", realm="s", nonce="n", nonce="m", qop="auth", qop="auth-int", algorithm=SHA-256, algorithm=MD5',
  "duplicate parameters of Bearer": 'Bearer error="insufficient_scope", error="invalid_token", scope="a", scope="b"',
  "duplicate parameters of DPoP": 'DPoP error="use_dpop_nonce", error="invalid_token", algs="ES256", algs="none"',
  "missing parameters": 'Digest qop="auth", Bearer scope="a", DPoP algs="ES256"',
  "an unknown algorithm of Digest": 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA3-1024',
  "an unknown protection of Digest": 'Digest realm="r", nonce="n", qop="auth-conf", algorithm=SHA-256',
  "an unknown algorithm of DPoP": 'DPoP error="invalid_dpop_proof", algs="none HS256"',
  "a long nonce": `Digest realm="r", nonce="${long}", qop="auth", algorithm=SHA-256`,
  "a long realm": `Digest realm="${long}", nonce="n", qop="auth", algorithm=SHA-256, Basic realm="${long}"`,
  "a long scope": `Bearer error="insufficient_scope", scope="${"s ".repeat(50_000)}"`,
  "a long acr_values": `Bearer error="insufficient_user_authentication", acr_values="${long}", max_age="99999999999999999999"`,
  "a negative max_age": 'Bearer error="insufficient_user_authentication", max_age="-1"',
  "10 000 parameters": `Digest ${many(10_000, (n) => `p${n}="v"`)}, realm="r", nonce="n"`,
  "10 000 challenges": many(10_000, () => digest),
  "1000 fields": Array.from({ length: 1000 }, () => digest),
  "control characters": 'Digest realm="\u0001\u0007", nonce="n\u007f", qop="auth", algorithm=SHA-256',
  "escapes and quotes":
    'Digest realm="r\\"\\\\, x=\\"y", nonce="n\\"", opaque="o\\"\\\\", qop="auth", algorithm=SHA-256',
  "octets beyond ASCII": 'Digest realm="\u00e4\u00ff", nonce="\u00e4", qop="auth", algorithm=SHA-256',
  "a nonce that is always stale": `${digest}, stale=true`,
  "a hashed user name": `${digest}, userhash=true, charset=UTF-8`,
  "a hostile domain": `${digest}, domain="//evil.test/ https://evil.test javascript:alert(1) ${long}"`,
  "token68 and parameters": "Digest abcdef==, Bearer abc=, DPoP a=b=c"
}

const demand = 'sig1=("@method" "@target-uri");created;keyid="k"'

const other: Readonly<Record<string, MockClient.Headers>> = {
  "no field": {},
  "a long DPoP nonce": { ...authenticate('DPoP error="use_dpop_nonce"'), "dpop-nonce": long },
  "a DPoP nonce with a space": { ...authenticate('DPoP error="use_dpop_nonce"'), "dpop-nonce": "a b" },
  "an empty DPoP nonce": { ...authenticate('DPoP error="use_dpop_nonce"'), "dpop-nonce": "" },
  "a demand for an unknown component": { "accept-signature": 'sig1=("@unknown" "@method";req "x";bs;sf)' },
  "a demand for an unknown algorithm": { "accept-signature": `${demand};alg="none"` },
  "a demand for another key": { "accept-signature": 'sig1=("@method");keyid="other"' },
  "a demand that is no dictionary": { "accept-signature": '(("@method")' },
  "duplicate components in a demand": { "accept-signature": 'sig1=("@method" "@method")' },
  "a demand with 1000 members": { "accept-signature": many(1000, (n) => `s${n}=("@method")`) },
  "a demand with 10 000 components": {
    "accept-signature": `sig1=(${many(10_000, () => '"@method"').replaceAll(",", "")})`
  },
  "a long demand": { "accept-signature": `sig1=("${long}")` },
  "a Date that does not exist": { date: "Thu, 32 Foo 99999 25:61:61 GMT" },
  "a Date of the year 9999": { date: "Fri, 31 Dec 9999 23:59:59 GMT" },
  "a Date of 1970": { date: "Thu, 01 Jan 1970 00:00:00 GMT" },
  "a hostile Authentication-Info": { "authentication-info": `nextnonce="${long}", rspauth=, qop=auth-int` }
}

/** Fields of a rejection by name. */
export const hostileFields: ReadonlyArray<readonly [name: string, fields: MockClient.Headers]> = [
  ...Object.entries(challenges).map(([name, field]) => [name, authenticate(field)] as const),
  ...Object.entries(other)
]

/** Valid fields, for a generator that cuts and mixes them. */
export const seeds: ReadonlyArray<string> = [
  digest,
  'Bearer error="insufficient_scope", scope="a b"',
  'DPoP error="use_dpop_nonce", algs="ES256"',
  'Basic realm="r"',
  demand,
  "Tue, 14 Nov 2023 22:13:20 GMT"
]
