import { HOUR_MS } from "../core/clock.ts";
import { queryAll } from "../core/query-all.ts";
import { restrictionSchema } from "./restriction.ts";
import { RestrictionList } from "./restriction-list.ts";
import { LOG, type RestrictionStore } from "./restriction-store.ts";

/**
 * After such a time the whole list is read anew. An entry that ends another is kept for longer, so no process
 * misses it.
 */
const RELOAD_AFTER_MS = 12 * HOUR_MS;

/** The list as far as it was read. */
interface Known {
  readonly list: RestrictionList;
  readonly seq: string;
  readonly loadedAtMs: number;
}

/** Reads the list of restrictions, and later what was added. */
export class RestrictionReader {
  #known: Known | undefined;
  #reading: Promise<void> | undefined;

  constructor(private readonly store: RestrictionStore) {}

  /**
   * The list with every entry up to a position. One read at a time, since an older answer must not undo what a newer
   * one said.
   */
  async upTo(seq: string, atMs: number): Promise<RestrictionList> {
    for (;;) {
      const known = this.#known;
      if (known && known.seq >= seq && atMs - known.loadedAtMs < RELOAD_AFTER_MS) return known.list;
      if (this.#reading) {
        // Its caller hears of its failure; this one tries for itself.
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
      TableName: this.store.restrictionsTable,
      KeyConditionExpression: base ? "#list = :log AND #seq > :after" : "#list = :log",
      ExpressionAttributeNames: { "#list": "list", ...(base && { "#seq": "seq" }) },
      ExpressionAttributeValues: { ":log": LOG, ...(base && { ":after": base.seq }) },
      ConsistentRead: true,
    });
    const list = base?.list ?? new RestrictionList();
    for (const item of items) list.apply(restrictionSchema.parse(item));
    list.prune(atMs);
    this.#known = { list, seq, loadedAtMs: base?.loadedAtMs ?? atMs };
  }
}
