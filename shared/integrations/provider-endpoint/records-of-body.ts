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

/** Thrown if a body contains more records than a request may have. */
export class TooManyRecordsError extends OAuthMonitoringError {
  override readonly name = "TooManyRecordsError";

  constructor(count: number) {
    super(`the body has ${count} records. Send at most ${MAX_RECORDS} per request`);
  }
}

/** The records in a request body. */
export interface BodyRecords {
  /** The records, in order. Each can be any JSON value. */
  readonly records: readonly unknown[];
  /** Line numbers without a valid record, starting at 1. Always empty unless the body is JSON lines. */
  readonly refusedLines: readonly number[];
}

/**
 * Parses a line. Returns undefined for anything other than an object or array, because the line may be part of a larger
 * value.
 */
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
 * Parses the records in a request body: JSON (one record, an array of records, or a batch in the provider's format) or
 * JSON lines.
 *
 * @param split returns the records in one JSON value: a batch's records, or the value itself
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
  // An event hub forwarder reads several batches at a time and sends them as an array.
  const records = values.flatMap((value) =>
    (Array.isArray(value) ? value : [value]).flatMap(split),
  );
  if (records.length > MAX_RECORDS) throw new TooManyRecordsError(records.length);
  return { records, refusedLines };
}
