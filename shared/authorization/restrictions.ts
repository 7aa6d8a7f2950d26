import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { HeldRestrictions } from "./held-restrictions.ts";
import type { RestrictionReader as Reader } from "./restriction-reader.ts";
import { HEAD, HEAD_COPIES, headList, type RestrictionStore } from "./restriction-store.ts";

/** The restrictions as an adapter knows them. A process keeps one of these as long as it lives. */
export interface Restrictions {
  /**
   * The list, with every restriction that was confirmed before this call began. It reads one position (1 read
   * unit), and, only when that has moved, what was added since.
   */
  current(atMs: number): Promise<HeldRestrictions>;
}

const NOTHING: HeldRestrictions = {
  blockOfAddress: () => undefined,
  blockOf: () => undefined,
  revocationOf: () => undefined,
};

/**
 * Keeps the list of restrictions in memory and asks the store at every call whether it has moved. A restriction's
 * entry is written before its position, and its position in every copy before the action is confirmed. Entries
 * stand in the order of their positions, each written after the one before was there. So whoever reads a position
 * after the confirmation finds every entry up to it.
 */
export class StoredRestrictions implements Restrictions {
  readonly #copy: number;
  #reader: Promise<Reader> | undefined;

  /** @param copy which of the copies this process reads; by default one at random */
  constructor(
    private readonly store: RestrictionStore,
    copy = Math.floor(Math.random() * HEAD_COPIES),
  ) {
    this.#copy = copy;
  }

  async current(atMs: number): Promise<HeldRestrictions> {
    const { Item } = await this.store.db.send(
      new GetCommand({
        TableName: this.store.restrictionsTable,
        Key: { list: headList(this.#copy), seq: HEAD },
        ConsistentRead: true,
      }),
    );
    // Nothing was ever restricted, and nothing is loaded for it.
    if (!Item) return NOTHING;
    this.#reader ??= this.#openReader();
    return (await this.#reader).upTo(String(Item.head_seq), atMs);
  }

  async #openReader(): Promise<Reader> {
    const { RestrictionReader } = await import("./restriction-reader.ts");
    return new RestrictionReader(this.store);
  }
}
