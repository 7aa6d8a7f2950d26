import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { HeldRestrictions } from "./held-restrictions.ts";
import type { RestrictionReader as Reader } from "./restriction-reader.ts";
import { HEAD, HEAD_COPIES, headList, type RestrictionStore } from "./restriction-store.ts";

/** The deny list as an adapter reads it. Use one instance per process. */
export interface Restrictions {
  /**
   * Returns the list with every entry that was confirmed before this call. Reads the latest position (1 read unit), and
   * new entries only if the position has changed.
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
 * Entries are written in order: each one only after its predecessor. An entry's position reaches every copy before its
 * action is confirmed. A process that reads a position after the confirmation therefore finds every entry up to it.
 */
export class StoredRestrictions implements Restrictions {
  readonly #copy: number;
  #reader: Promise<Reader> | undefined;

  /** @param copy the copy of the latest position to read. Default: random */
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
    // The list never had an entry, so there is no need to load the reader.
    if (!Item) return NOTHING;
    this.#reader ??= this.#openReader();
    return (await this.#reader).upTo(String(Item.head_seq), atMs);
  }

  async #openReader(): Promise<Reader> {
    const { RestrictionReader } = await import("./restriction-reader.ts");
    return new RestrictionReader(this.store);
  }
}
