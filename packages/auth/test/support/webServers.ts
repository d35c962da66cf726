/** lighttpd, apache2 and httpbin with Digest authentication. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isInstalled, start, temporaryFolder } from "./program.js"

const programs = { lighttpd: "/usr/sbin/lighttpd", apache: "/usr/sbin/apache2", gunicorn: "/usr/bin/gunicorn" }

const apacheModules = "/usr/lib/apache2/modules"

/** Whether this machine has the Debian packages `lighttpd`, `apache2`, and `python3-httpbin` with `gunicorn`. */
export const hasLighttpd: boolean = isInstalled(programs.lighttpd)
export const hasApache: boolean = isInstalled(programs.apache, join(apacheModules, "mod_auth_digest.so"))
export const hasHttpbin: boolean = isInstalled(programs.gunicorn, "/usr/lib/python3/dist-packages/httpbin/core.py")

export interface User {
  readonly name: string
  readonly password: string
}

const realm = "api"

/** The folder of a server, with the file `a.txt` and the users. */
const folderWith = ({ name, password }: User, hash: string, withUserHash: boolean) =>
  Effect.map(temporaryFolder, (folder) => {
    const digest = (text: string) => createHash(hash).update(text).digest("hex")
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, "www"))
    writeFileSync(join(folder, "www", "a.txt"), "hello")
    const userHash = withUserHash ? `:${digest(`${name}:${realm}`)}` : ""
    writeFileSync(join(folder, "users"), `${name}:${realm}:${digest(`${name}:${realm}:${password}`)}${userHash}\n`)
    return folder
  })

/** A lighttpd that offers one algorithm, with hashed user names on demand. */
export const lighttpd = (
  user: User,
  algorithm: "MD5" | "SHA-256" | "SHA-512-256",
  userhash: boolean
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const hash = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }[algorithm]
    const folder = yield* folderWith(user, hash, userhash)
    return yield* start((port) => {
      const scheme = `"method" => "digest", "algorithm" => "${algorithm}", "realm" => "${realm}", "require" => "valid-user"`
      const text = `server.document-root = "${folder}/www"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${folder}/log"
server.modules = ("mod_auth", "mod_authn_file")
auth.backend = "htdigest"
auth.backend.htdigest.userfile = "${folder}/users"
auth.require = ("/" => (${scheme}${userhash ? ', "userhash" => "enable"' : ""}))
`
      writeFileSync(join(folder, "lighttpd.conf"), text)
      return [programs.lighttpd, "-D", "-f", join(folder, "lighttpd.conf")]
    })
  })

/** An apache2 with MD5, which sends `rspauth`, and `nextnonce` when a nonce becomes old. */
export const apache = (user: User, nonceSeconds: number): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* folderWith(user, "md5", false)
    const modules = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest"]
    return yield* start((port) => {
      const text = `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
ErrorLog ${folder}/log
DefaultRuntimeDir ${folder}
Mutex file:${folder} default
${modules.map((name) => `LoadModule ${name}_module ${apacheModules}/mod_${name}.so`).join("\n")}
User www-data
Group www-data
DocumentRoot ${folder}/www
<Directory ${folder}/www>
  AuthType Digest
  AuthName ${realm}
  AuthDigestDomain /
  AuthDigestProvider file
  AuthUserFile ${folder}/users
  AuthDigestNonceLifetime ${nonceSeconds}
  Require valid-user
</Directory>
`
      writeFileSync(join(folder, "apache.conf"), text)
      return [programs.apache, "-X", "-f", join(folder, "apache.conf")]
    })
  })

/** The HTTP test server of the tutorial. */
export const httpbin: Effect.Effect<string, never, Scope.Scope> = start((port) => [
  programs.gunicorn,
  "--chdir",
  "/",
  "-b",
  `127.0.0.1:${port}`,
  "httpbin:app"
])
