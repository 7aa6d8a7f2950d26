/** Maximum shard count for one day's counters. */
const MAX_COUNTER_SHARDS = 128;

/** Number of successful transactions that offset one conflict. */
const BALANCE = 50;

/** Net conflicts at which the shard count doubles. At `NARROWER_AT`, it halves. */
const WIDER_AT = 1;
const NARROWER_AT = -2;

/**
 * Adapts the counter shard count to contention. Concurrent transactions on the same item conflict, and DynamoDB cancels
 * one of them. The shard count doubles while more than about one transaction in fifty conflicts, and halves while fewer
 * do. Keep the instance between batches.
 */
export class CounterShardCount {
  #shards: number;
  #score = 0;

  /** @param least minimum shard count: `shards.counters.write` */
  constructor(private readonly least: number) {
    this.#shards = least;
  }

  get shards(): number {
    return this.#shards;
  }

  /** Records a transaction conflict. */
  conflicted(): void {
    this.#score += 1;
    if (this.#score < WIDER_AT) return;
    this.#score = 0;
    this.#shards = Math.min(this.#shards * 2, Math.max(this.least, MAX_COUNTER_SHARDS));
  }

  /** Records a successful transaction. */
  succeeded(): void {
    this.#score -= 1 / BALANCE;
    if (this.#score > NARROWER_AT) return;
    this.#score = 0;
    this.#shards = Math.max(this.least, Math.floor(this.#shards / 2));
  }
}
