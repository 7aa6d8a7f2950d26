import { GetCommand } from "@aws-sdk/lib-dynamodb";
import {
  type DenyList,
  type DenyListStore,
  HEAD,
  HEAD_COPIES,
  headList,
} from "./deny-list-entry.ts";
import type { DenyListReader } from "./deny-list-reader.ts";
import { loadDenyListReader } from "./load-on-demand.ts";

/** Reads the deny list for an adapter. Use one instance per process. */
export interface DenyListSource {
  /**
   * Returns the deny list, including every entry that was confirmed before this call. Reads the latest position (1 read
   * unit), and reads new entries only if the position has changed.
   */
  current(atMs: number): Promise<DenyList>;
}

const NOTHING: DenyList = {
  findAddressBlock: () => undefined,
  findBlock: () => undefined,
  findRevocation: () => undefined,
};

/**
 * Keeps the deny list in memory and checks its latest position on every call.
 *
 * Entries are written in order, one at a time. An action is confirmed only after its entry's position is in every copy.
 * A process that reads a position after the confirmation therefore finds every entry up to that position.
 */
export class StoredDenyList implements DenyListSource {
  readonly #copy: number;
  #reader: Promise<DenyListReader> | undefined;

  /** @param copy the copy of the latest position to read. Default: random */
  constructor(
    private readonly store: DenyListStore,
    copy = Math.floor(Math.random() * HEAD_COPIES),
  ) {
    this.#copy = copy;
  }

  async current(atMs: number): Promise<DenyList> {
    const { Item } = await this.store.db.send(
      new GetCommand({
        TableName: this.store.denyListTable,
        Key: { list: headList(this.#copy), seq: HEAD },
        ConsistentRead: true,
      }),
    );
    // The list has never had an entry, so the reader isn't needed.
    if (!Item) return NOTHING;
    this.#reader ??= this.#openReader();
    return (await this.#reader).upTo(String(Item.head_seq), atMs);
  }

  async #openReader(): Promise<DenyListReader> {
    const { DenyListReader } = await loadDenyListReader();
    return new DenyListReader(this.store);
  }
}
