import { OAuthMonitoringError } from "../../core/oauth-monitoring-error.ts";
import { MAX_RECORDS } from "../providers/provider-adapter.ts";

/** A body is neither JSON nor lines of JSON. */
export class UnreadableBodyError extends OAuthMonitoringError {
  override readonly name = "UnreadableBodyError";

  constructor() {
    super("the body is neither JSON nor JSON lines: send an object, an array, or an object a line");
  }
}

/** A body has more records than one request may bring. */
export class TooManyRecordsError extends OAuthMonitoringError {
  override readonly name = "TooManyRecordsError";

  constructor(count: number) {
    super(`the body has ${count} records: send at most ${MAX_RECORDS} in one request`);
  }
}

/** What a body holds. */
export interface BodyRecords {
  /** The records in their order: any JSON. */
  readonly records: readonly unknown[];
  /** The lines that are no record, counted from 1. Only a body of JSON lines has any. */
  readonly refusedLines: readonly number[];
}

/** A JSON object or array in a line; undefined for anything else, which may be a part of something larger. */
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
 * The records in a body: JSON (one record, an array of records, or a batch as the provider wraps it) or JSON lines.
 *
 * @param split the records in one value: those of a batch, or the value itself
 * @throws UnreadableBodyError when nothing of it can be read; TooManyRecordsError
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
  // Who forwards an event hub reads several batches at once, and sends an array of them.
  const records = values.flatMap((value) =>
    (Array.isArray(value) ? value : [value]).flatMap(split),
  );
  if (records.length > MAX_RECORDS) throw new TooManyRecordsError(records.length);
  return { records, refusedLines };
}
