import { compilePattern, type EventPattern } from "./event-pattern.ts";
import { logicalIdOfArn, type Template } from "./template.ts";

/** An event as the bus passes it to targets. */
export interface BusEvent {
  readonly id: string;
  /** Time of the event, set by its producer. */
  readonly time: string;
  readonly [field: string]: unknown;
}

interface ArchiveProperties {
  readonly SourceArn: string;
  readonly EventPattern?: EventPattern;
}

/**
 * Maximum number of events in an archive, enough for the fifteen days that `npm run traffic` generates. AWS limits
 * archives by age instead.
 */
const KEPT = 100_000;

/** An archive of a bus. Keeps the newest events in memory. */
export class EventArchive {
  readonly #matches: (event: unknown) => boolean;
  readonly #events: { readonly atMs: number; readonly text: string }[] = [];

  private constructor(
    readonly arn: string,
    readonly busName: string,
    pattern: EventPattern,
  ) {
    // AWS archives through a managed rule that excludes replayed events.
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
    this.#matches = compilePattern({ ...pattern, "replay-name": [{ exists: false }] });
  }

  /** Returns the template's archives. */
  static all(template: Template): EventArchive[] {
    return template
      .resources<ArchiveProperties>("AWS::Events::Archive")
      .map(
        ({ logicalId, properties: { SourceArn, EventPattern = {} } }) =>
          new EventArchive(template.arn(logicalId), logicalIdOfArn(SourceArn), EventPattern),
      );
  }

  /** Archives an event of the bus if it matches the archive's pattern. */
  take(event: BusEvent): void {
    if (!this.#matches(event)) return;
    this.#events.push({ atMs: Date.parse(event.time), text: JSON.stringify(event) });
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** Returns the events in [fromMs, toMs], oldest first. */
  between(fromMs: number, toMs: number): BusEvent[] {
    return this.#events
      .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ text }) => JSON.parse(text));
  }
}
