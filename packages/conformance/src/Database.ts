/** Records of oidc-provider, so that a restarted server has them or has lost them. */

/** A record of the server: the members for lookups. */
interface Payload {
  readonly grantId?: string
  readonly uid?: string
  readonly userCode?: string
  consumed?: number
}

/** All records, by model and id. */
export type Records = Map<string, Payload>

/** The storage adapter that oidc-provider creates for each of its models. */
export class Adapter {
  private readonly records: Records
  private readonly prefix: string
  private readonly now: () => number

  constructor(records: Records, model: string, now: () => number) {
    this.records = records
    this.prefix = `${model}:`
    this.now = now
  }

  upsert(id: string, payload: Payload): Promise<void> {
    this.records.set(this.prefix + id, payload)
    return Promise.resolve()
  }

  find(id: string): Promise<Payload | undefined> {
    return Promise.resolve(this.records.get(this.prefix + id))
  }

  findByUid(uid: string): Promise<Payload | undefined> {
    return Promise.resolve(this.by((payload) => payload.uid === uid))
  }

  findByUserCode(userCode: string): Promise<Payload | undefined> {
    return Promise.resolve(this.by((payload) => payload.userCode === userCode))
  }

  consume(id: string): Promise<void> {
    const payload = this.records.get(this.prefix + id)
    if (payload !== undefined) payload.consumed = Math.floor(this.now() / 1000)
    return Promise.resolve()
  }

  destroy(id: string): Promise<void> {
    this.records.delete(this.prefix + id)
    return Promise.resolve()
  }

  revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, payload] of this.records) if (payload.grantId === grantId) this.records.delete(key)
    return Promise.resolve()
  }

  private by(isIt: (payload: Payload) => boolean): Payload | undefined {
    for (const [key, payload] of this.records) if (key.startsWith(this.prefix) && isIt(payload)) return payload
    return undefined
  }
}
