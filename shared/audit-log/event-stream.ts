import { QueryCommand, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../core/document-client.ts";
import { getBatchItemName, isBatchItem, readBatchItems } from "./batch-item.ts";
import { getSortKey } from "./event-key.ts";
import { type StoredEvent, storedEventSchema } from "./stored-event.ts";

/** Sorts after every sort key. */
const LATEST = "9999-12-31T23:59:59.999Z\u{10FFFF}";

/** Maximum items per Query. */
export const MAX_ITEMS = 1000;

/** An item that a Query returned: an event, or a batch item whose events may not have been read yet. */
interface Listed {
  /** Sort key of the item's newest event. */
  readonly sortKey: string;
  readonly item: Record<string, unknown>;
  events?: readonly StoredEvent[];
}

function toListed(item: Record<string, unknown>): Listed {
  const sortKey = String(item.occurred_at_id);
  return { sortKey, item, ...(!isBatchItem(item) && { events: [storedEventSchema.parse(item)] }) };
}

/** Reads one partition, newest first, and only as far as the reader needs. */
export class EventStream {
  /** Listed items that haven't been read yet, newest first. */
  #listed: Listed[] = [];
  /** Events that have been read but not taken yet, newest first. */
  #events: StoredEvent[] = [];
  #startKey: Record<string, unknown> | undefined;
  #exhausted = false;
  #batchItemsAhead = 1;
  #limit: number;

  /**
   * @param input a Query that lists the partition newest first; its `Limit` grows with each read
   * @param mostItems maximum `Limit`
   */
  constructor(
    private readonly db: DocumentClient,
    private readonly input: QueryCommandInput & {
      readonly TableName: string;
      readonly Limit: number;
    },
    private readonly mostItems = MAX_ITEMS,
  ) {
    this.#limit = input.Limit;
  }

  /** Sort key of the newest item that hasn't been read yet. No unread event is newer. */
  get readTo(): string {
    const [next] = this.#listed;
    if (next) return next.sortKey;
    if (this.#exhausted) return "";
    return (this.#startKey?.occurred_at_id as string | undefined) ?? LATEST;
  }

  /** The next event, if it is known. */
  get head(): StoredEvent | undefined {
    const [first] = this.#events;
    return first && getSortKey(first) >= this.readTo ? first : undefined;
  }

  /** Whether the next event requires another read. */
  get mustRead(): boolean {
    return this.head === undefined && this.hasMore;
  }

  /** Whether reading the batch items already listed is enough to know the next event. */
  get mustReadBatchItems(): boolean {
    return this.mustRead && this.#listed.length > 0;
  }

  /** Whether more events may follow. */
  get hasMore(): boolean {
    return this.#events.length > 0 || this.#listed.length > 0 || !this.#exhausted;
  }

  /** Reads the listed batch items that come next, or the next page if none are waiting. */
  async read(): Promise<void> {
    await (this.#listed.length > 0 ? this.#readBatchItems() : this.#list());
    this.#lookInto();
  }

  take(): StoredEvent | undefined {
    const taken = this.#events.shift();
    this.#lookInto();
    return taken;
  }

  async #list(): Promise<void> {
    const page = await this.db.send(
      new QueryCommand({ ...this.input, Limit: this.#limit, ExclusiveStartKey: this.#startKey }),
    );
    this.#listed = (page.Items ?? []).map(toListed);
    this.#startKey = page.LastEvaluatedKey;
    this.#exhausted = page.LastEvaluatedKey === undefined;
    this.#limit = Math.min(this.#limit * 4, this.mostItems);
  }

  async #readBatchItems(): Promise<void> {
    const batchItems = this.#listed.filter(({ events }) => !events).slice(0, this.#batchItemsAhead);
    this.#batchItemsAhead *= 2;
    const store = { db: this.db, eventsTable: this.input.TableName };
    const events = await readBatchItems(
      store,
      batchItems.map(({ item }) => item),
    );
    // A batch item that is missing has expired.
    for (const batchItem of batchItems)
      batchItem.events = events.get(getBatchItemName(batchItem.item)) ?? [];
  }

  /** Moves listed events into `#events` as long as they may include the next event. */
  #lookInto(): void {
    for (let [next] = this.#listed; next?.events; [next] = this.#listed) {
      const [head] = this.#events;
      if (head && getSortKey(head) >= next.sortKey) return;
      this.#listed.shift();
      this.#events = merge(this.#events, next.events);
    }
  }
}

/** Merges two lists that are sorted newest first. */
function merge(a: readonly StoredEvent[], b: readonly StoredEvent[]): StoredEvent[] {
  if (a.length === 0) return [...b];
  return [...a, ...b].sort((x, y) => (getSortKey(x) < getSortKey(y) ? 1 : -1));
}
