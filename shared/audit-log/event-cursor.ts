import { createHash } from "node:crypto";
import * as z from "zod";
import { OAuthMonitoringError } from "../core/errors.ts";

/** Thrown for an invalid cursor. The message says what to do. */
export class InvalidCursorError extends OAuthMonitoringError {
  override readonly name = "InvalidCursorError";

  constructor(why: string) {
    super(`the cursor ${why}. Start again without it`);
  }
}

/** A position in newest-first order: `occurred_at#id`. */
const positionSchema = z
  .string()
  .max(100)
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[0-9a-f-]{36}$/);

const cursorSchema = z.strictObject({ before: positionSchema, query: z.string().length(16) });

function fingerprint(query: unknown): string {
  return createHash("sha256").update(JSON.stringify(query)).digest("hex").slice(0, 16);
}

/**
 * Returns the cursor that continues after a position. A cursor holds only a position. Filters and authorization still
 * apply, so a forged cursor reveals nothing more.
 */
export function encodeCursor(before: string, query: unknown): string {
  return Buffer.from(JSON.stringify({ before, query: fingerprint(query) })).toString("base64url");
}

/**
 * Returns the position that a cursor holds.
 *
 * @throws InvalidCursorError if the cursor is malformed or belongs to a query with different filters
 */
export function decodeCursor(cursor: string, query: unknown): string {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    throw new InvalidCursorError("is damaged");
  }
  const parsed = cursorSchema.safeParse(json);
  if (!parsed.success) throw new InvalidCursorError("is damaged");
  if (parsed.data.query !== fingerprint(query)) {
    throw new InvalidCursorError("belongs to a query with other filters");
  }
  return parsed.data.before;
}
