import { instantSchema } from "../../core/clock.ts";
import type { EventData } from "../../events/event-data.ts";

/**
 * Reads an event's free-form data and tracks which members were read. Unread members, and values that don't fit their
 * attribute, go to `unmapped`, so nothing is lost.
 */
export class EventDataReader {
  readonly #left: Map<string, unknown>;

  constructor(data: EventData) {
    this.#left = new Map(Object.entries(data));
  }

  /** Returns a member's text if it isn't empty and passes the optional test. */
  text(key: string, fits: (text: string) => boolean = () => true): string | undefined {
    const value = this.#left.get(key);
    if (typeof value !== "string" || value === "" || !fits(value)) return undefined;
    this.#left.delete(key);
    return value;
  }

  /** Returns a time in epoch milliseconds. If the original has a different precision, it also stays in `unmapped`. */
  instantMs(key: string): number | undefined {
    const value = this.#left.get(key);
    const parsed = instantSchema.safeParse(value);
    if (!parsed.success) return undefined;
    if (parsed.data === value) this.#left.delete(key);
    return Date.parse(parsed.data);
  }

  /** Returns a JSON object. */
  object(key: string): EventData | undefined {
    const value = this.#left.get(key);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    this.#left.delete(key);
    return value as EventData;
  }

  /** Puts back the part of a member that the schema has no attribute for. */
  keep(key: string, value: unknown): void {
    this.#left.set(key, value);
  }

  /** Members that were not read. */
  get rest(): EventData {
    return Object.fromEntries(this.#left);
  }
}

/** Removes undefined members. Returns undefined if no members are left. */
export function present<T extends object>(
  members: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as T);
}
