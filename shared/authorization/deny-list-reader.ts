import { HOUR_MS } from "../core/clock.ts";
import { queryAll } from "../core/document-client.ts";
import { type DenyListStore, denyListEntrySchema, LOG } from "./deny-list-entry.ts";
import { InMemoryDenyList } from "./in-memory-deny-list.ts";

/** Interval between full reloads of the list. Releases are kept longer, so no process misses one. */
const RELOAD_AFTER_MS = 12 * HOUR_MS;

/** The entries read so far. */
interface Known {
  readonly list: InMemoryDenyList;
  readonly seq: string;
  readonly loadedAtMs: number;
}

/** Reads the deny list: first all entries, then only new ones. */
export class DenyListReader {
  #known: Known | undefined;
  #reading: Promise<void> | undefined;

  constructor(private readonly store: DenyListStore) {}

  /**
   * Returns the list with every entry up to a position. Runs one read at a time, so that an older response can't
   * overwrite a newer one.
   */
  async upTo(seq: string, atMs: number): Promise<InMemoryDenyList> {
    for (;;) {
      const known = this.#known;
      if (known && known.seq >= seq && atMs - known.loadedAtMs < RELOAD_AFTER_MS) return known.list;
      if (this.#reading) {
        // If that read fails, the call that started it gets the error. This call tries again.
        await this.#reading.catch(() => undefined);
      } else {
        this.#reading = this.#read(seq, atMs).finally(() => {
          this.#reading = undefined;
        });
        await this.#reading;
      }
    }
  }

  async #read(seq: string, atMs: number): Promise<void> {
    const before = this.#known;
    const base = before && atMs - before.loadedAtMs < RELOAD_AFTER_MS ? before : undefined;
    const items = await queryAll(this.store.db, {
      TableName: this.store.denyListTable,
      KeyConditionExpression: base ? "#list = :log AND #seq > :after" : "#list = :log",
      ExpressionAttributeNames: { "#list": "list", ...(base && { "#seq": "seq" }) },
      ExpressionAttributeValues: { ":log": LOG, ...(base && { ":after": base.seq }) },
      ConsistentRead: true,
    });
    const list = base?.list ?? new InMemoryDenyList();
    for (const item of items) list.apply(denyListEntrySchema.parse(item));
    list.prune(atMs);
    this.#known = { list, seq, loadedAtMs: base?.loadedAtMs ?? atMs };
  }
}
