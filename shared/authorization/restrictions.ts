import { GetCommand } from "@aws-sdk/lib-dynamodb";
import {
  HEAD,
  HEAD_COPIES,
  type HeldRestrictions,
  headList,
  type RestrictionStore,
} from "./restriction.ts";
import { RestrictionReader } from "./restriction-reader.ts";

/** Reads the deny list for an adapter. Use one instance per process. */
export interface Restrictions {
  /**
   * Returns the deny list, including every entry that was confirmed before this call. Reads the latest position (1 read
   * unit), and reads new entries only if the position has changed.
   */
  current(atMs: number): Promise<HeldRestrictions>;
}

const NOTHING: HeldRestrictions = {
  blockOfAddress: () => undefined,
  blockOf: () => undefined,
  revocationOf: () => undefined,
};

/**
 * Keeps the deny list in memory and checks its latest position on every call.
 *
 * Entries are written in order, one at a time. An action is confirmed only after its entry's position is in every copy.
 * A process that reads a position after the confirmation therefore finds every entry up to that position.
 */
export class StoredRestrictions implements Restrictions {
  readonly #copy: number;
  readonly #reader: RestrictionReader;

  /** @param copy the copy of the latest position to read. Default: random */
  constructor(
    private readonly store: RestrictionStore,
    copy = Math.floor(Math.random() * HEAD_COPIES),
  ) {
    this.#copy = copy;
    this.#reader = new RestrictionReader(store);
  }

  async current(atMs: number): Promise<HeldRestrictions> {
    const { Item } = await this.store.db.send(
      new GetCommand({
        TableName: this.store.restrictionsTable,
        Key: { list: headList(this.#copy), seq: HEAD },
        ConsistentRead: true,
      }),
    );
    return Item ? this.#reader.upTo(String(Item.head_seq), atMs) : NOTHING;
  }
}
