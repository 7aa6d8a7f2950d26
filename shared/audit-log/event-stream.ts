import { QueryCommand, type QueryCommandInput } from "@aws-sdk/lib-dynamodb";
import type { DocumentClient } from "../core/document-client.ts";
import { placeOf } from "./event-key.ts";
import { isPack, nameOfPack, readPacks } from "./event-pack.ts";
import { type StoredEvent, storedEventSchema } from "./stored-event.ts";

/** Later than every place. */
const LATEST = "9999-12-31T23:59:59.999Z\u{10FFFF}";

/** Items that one Query looks at, at the most. */
export const MOST_ITEMS = 1000;

/** What a Query lists: an event, a pack whose events are still to be read, or those events. */
interface Listed {
  /** The place of its newest event. */
  readonly place: string;
  readonly item: Record<string, unknown>;
  events?: readonly StoredEvent[];
}

function toListed(item: Record<string, unknown>): Listed {
  const place = String(item.occurred_at_id);
  return { place, item, ...(!isPack(item) && { events: [storedEventSchema.parse(item)] }) };
}

/** One partition, read newest first, as little at a time as its reader needs. */
export class EventStream {
  /** Listed, and not looked into yet, newest first. */
  #listed: Listed[] = [];
  /** Looked into, and not taken yet, newest first. */
  #events: StoredEvent[] = [];
  #startKey: Record<string, unknown> | undefined;
  #exhausted = false;
  #packsAhead = 1;
  #limit: number;

  /**
   * @param input a Query that lists the partition newest first; its `Limit` grows from read to read
   * @param mostItems up to which it grows
   */
  constructor(
    private readonly db: DocumentClient,
    private readonly input: QueryCommandInput & {
      readonly TableName: string;
      readonly Limit: number;
    },
    private readonly mostItems = MOST_ITEMS,
  ) {
    this.#limit = input.Limit;
  }

  /** What is not known yet is older than this. */
  get readTo(): string {
    const [next] = this.#listed;
    if (next) return next.place;
    if (this.#exhausted) return "";
    return (this.#startKey?.occurred_at_id as string | undefined) ?? LATEST;
  }

  /** The newest event not yet taken, once it is known. */
  get head(): StoredEvent | undefined {
    const [first] = this.#events;
    return first && placeOf(first) >= this.readTo ? first : undefined;
  }

  /** Whether the head can only be known by reading on. */
  get mustRead(): boolean {
    return this.head === undefined && this.hasMore;
  }

  /** Whether the head is known once packs are read that are listed already. */
  get mustReadPacks(): boolean {
    return this.mustRead && this.#listed.length > 0;
  }

  /** Whether there may be more. */
  get hasMore(): boolean {
    return this.#events.length > 0 || this.#listed.length > 0 || !this.#exhausted;
  }

  /** Reads on: the next packs of those that are listed, or else what comes next in the list. */
  async read(): Promise<void> {
    await (this.#listed.length > 0 ? this.#readPacks() : this.#list());
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

  async #readPacks(): Promise<void> {
    const packs = this.#listed.filter(({ events }) => !events).slice(0, this.#packsAhead);
    this.#packsAhead *= 2;
    const store = { db: this.db, eventsTable: this.input.TableName };
    const events = await readPacks(
      store,
      packs.map(({ item }) => item),
    );
    // A pack that is gone by now has expired.
    for (const pack of packs) pack.events = events.get(nameOfPack(pack.item)) ?? [];
  }

  /** Looks into what is listed for as long as it may hold the head. */
  #lookInto(): void {
    for (let [next] = this.#listed; next?.events; [next] = this.#listed) {
      const [head] = this.#events;
      if (head && placeOf(head) >= next.place) return;
      this.#listed.shift();
      this.#events = merge(this.#events, next.events);
    }
  }
}

/** Two lists, each newest first, as one. */
function merge(a: readonly StoredEvent[], b: readonly StoredEvent[]): StoredEvent[] {
  if (a.length === 0) return [...b];
  return [...a, ...b].sort((x, y) => (placeOf(x) < placeOf(y) ? 1 : -1));
}
