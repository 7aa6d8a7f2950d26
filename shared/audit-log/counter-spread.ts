/** The most partitions that the counters of a day are spread over. */
export const MOST_COUNTER_SHARDS = 128;

/** Transactions that go through for each that conflicts, where the spread is right. */
const BALANCE = 50;

/** Conflicts, less those that balance allows, after which a writer spreads wider or narrower. */
const WIDER_AT = 1;
const NARROWER_AT = -2;

/**
 * Over how many partitions of the counters a writer spreads. Two transactions that write the same item at
 * once conflict, and DynamoDB cancels one of them. So the spread doubles while more than about one
 * transaction in fifty conflicts, and halves while fewer do. It is kept from batch to batch.
 */
export class CounterSpread {
  #shards: number;
  #score = 0;

  /** @param least the spread of quiet times: `shards.counters.write` */
  constructor(private readonly least: number) {
    this.#shards = least;
  }

  get shards(): number {
    return this.#shards;
  }

  /** A transaction met another one. */
  conflicted(): void {
    this.#score += 1;
    if (this.#score < WIDER_AT) return;
    this.#score = 0;
    this.#shards = Math.min(this.#shards * 2, Math.max(this.least, MOST_COUNTER_SHARDS));
  }

  /** A transaction went through. */
  succeeded(): void {
    this.#score -= 1 / BALANCE;
    if (this.#score > NARROWER_AT) return;
    this.#score = 0;
    this.#shards = Math.max(this.least, Math.floor(this.#shards / 2));
  }
}
