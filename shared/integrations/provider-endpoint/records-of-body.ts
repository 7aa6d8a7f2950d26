import { OAuthMonitoringError } from "../../core/oauth-monitoring-error.ts";
import { MAX_RECORDS } from "../providers/provider-adapter.ts";

/** Thrown if a body is neither JSON nor JSON lines. */
export class UnreadableBodyError extends OAuthMonitoringError {
  override readonly name = "UnreadableBodyError";

  constructor() {
    super(
      "the body is neither JSON nor JSON Lines. Send an object, an array, or one object per line",
    );
  }
}

/** Thrown if a body has more records than one request may contain. */
export class TooManyRecordsError extends OAuthMonitoringError {
  override readonly name = "TooManyRecordsError";

  constructor(count: number) {
    super(`the body has ${count} records. Send at most ${MAX_RECORDS} per request`);
  }
}

/** The content of a body. */
export interface BodyRecords {
  /** The records in the order of the body. Each can be any JSON value. */
  readonly records: readonly unknown[];
  /** Numbers of the lines without a valid record, counted from 1. Only JSON lines can have any. */
  readonly refusedLines: readonly number[];
}

/** Parses a line. Returns undefined for anything but an object or array, because it may be part of a larger value. */
function parseLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseWhole(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/**
 * Reads the records of a body: JSON (one record, an array of records, or a batch in the provider's format) or JSON
 * lines.
 *
 * @param split returns the records of one value: those of a batch, or the value itself
 * @throws UnreadableBodyError if the body contains no readable record
 * @throws TooManyRecordsError if the body has more than `MAX_RECORDS` records
 */
export function recordsOfBody(
  body: Uint8Array,
  split: (value: unknown) => readonly unknown[],
): BodyRecords {
  const text = new TextDecoder().decode(body);
  const whole = parseWhole(text);
  const refusedLines: number[] = [];
  const values = whole
    ? [whole.value]
    : text.split("\n").flatMap((line, index) => {
        if (line.trim() === "") return [];
        const value = parseLine(line);
        if (value === undefined) refusedLines.push(index + 1);
        return value === undefined ? [] : [value];
      });
  if (!whole && values.length === 0) throw new UnreadableBodyError();
  // A forwarder of an event hub reads several batches at once and sends them as an array.
  const records = values.flatMap((value) =>
    (Array.isArray(value) ? value : [value]).flatMap(split),
  );
  if (records.length > MAX_RECORDS) throw new TooManyRecordsError(records.length);
  return { records, refusedLines };
}
