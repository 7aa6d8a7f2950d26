import { instantSchema } from "../../core/clock.ts";
import type { EventData } from "../../events/event-data.ts";

/**
 * Reads the free-form part of an event and remembers what was read. Everything else, and every value that does
 * not fit its attribute, goes to `unmapped`. So nothing is lost.
 */
export class EventDataReader {
  readonly #left: Map<string, unknown>;

  constructor(data: EventData) {
    this.#left = new Map(Object.entries(data));
  }

  /** Text that is not empty and passes the test, if there is one. */
  text(key: string, fits: (text: string) => boolean = () => true): string | undefined {
    const value = this.#left.get(key);
    if (typeof value !== "string" || value === "" || !fits(value)) return undefined;
    this.#left.delete(key);
    return value;
  }

  /** An instant, in epoch milliseconds. An instant with another precision also stays in `unmapped`. */
  instantMs(key: string): number | undefined {
    const value = this.#left.get(key);
    const parsed = instantSchema.safeParse(value);
    if (!parsed.success) return undefined;
    if (parsed.data === value) this.#left.delete(key);
    return Date.parse(parsed.data);
  }

  /** A JSON object. */
  object(key: string): EventData | undefined {
    const value = this.#left.get(key);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    this.#left.delete(key);
    return value as EventData;
  }

  /** Puts back what was read of a member and has no attribute. */
  keep(key: string, value: unknown): void {
    this.#left.set(key, value);
  }

  /** The members that were not read. */
  get rest(): EventData {
    return Object.fromEntries(this.#left);
  }
}

/** The members that have a value; `undefined` when none has. */
export function present<T extends object>(
  members: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const there = Object.entries(members).filter(([, value]) => value !== undefined);
  return there.length === 0 ? undefined : (Object.fromEntries(there) as T);
}
