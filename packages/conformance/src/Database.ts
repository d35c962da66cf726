/** Where oidc-provider keeps what it has issued, so that it is there, or lost, when the server starts again. */

/** A record of the server's: the members that it is looked up by. */
interface Payload {
  readonly grantId?: string
  readonly uid?: string
  readonly userCode?: string
  consumed?: number
}

type Record = Map<string, Payload>

/** The adapter that oidc-provider makes of each of its models. */
export class Adapter {
  private readonly records: Record
  private readonly prefix: string
  private readonly now: () => number

  constructor(records: Record, model: string, now: () => number) {
    this.records = records
    this.prefix = `${model}:`
    this.now = now
  }

  async upsert(id: string, payload: Payload): Promise<void> {
    await Promise.resolve(this.records.set(this.prefix + id, payload))
  }

  async find(id: string): Promise<Payload | undefined> {
    return Promise.resolve(this.records.get(this.prefix + id))
  }

  async findByUid(uid: string): Promise<Payload | undefined> {
    return Promise.resolve(this.by((payload) => payload.uid === uid))
  }

  async findByUserCode(userCode: string): Promise<Payload | undefined> {
    return Promise.resolve(this.by((payload) => payload.userCode === userCode))
  }

  async consume(id: string): Promise<void> {
    const payload = await this.find(id)
    if (payload !== undefined) payload.consumed = Math.floor(this.now() / 1000)
  }

  async destroy(id: string): Promise<void> {
    await Promise.resolve(this.records.delete(this.prefix + id))
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, payload] of this.records) if (payload.grantId === grantId) this.records.delete(key)
    return Promise.resolve()
  }

  private by(isIt: (payload: Payload) => boolean): Payload | undefined {
    for (const [key, payload] of this.records) if (key.startsWith(this.prefix) && isIt(payload)) return payload
    return undefined
  }
}
