import * as z from "zod";
import { explain } from "../core/faults.ts";
import { withoutTokens } from "./redact-text.ts";

/** Maximum length of a reason. Needed because a rejected message may be megabytes long. */
export const MAX_REASON = 1024;

/**
 * Returns why a message isn't a valid event, for a log or message attribute. The reason contains none of this product's
 * tokens and at most 1,024 characters. For invalid JSON, it omits the parser's message, which quotes the text.
 *
 * @param error the parsing error. Rethrown unless it is a ZodError, SyntaxError or RangeError.
 */
export function refusalReason(error: unknown): string {
  if (error instanceof z.ZodError) return showable(explain(error));
  if (error instanceof SyntaxError) return "the message is not JSON";
  // Stack overflow: JSON.parse accepts any depth, JSON.stringify doesn't.
  if (error instanceof RangeError) return "the message is nested too deeply. Flatten it";
  throw error;
}

/** Makes a reason that quotes the message safe to show. */
export function showable(reason: string): string {
  return withoutTokens(reason)
    .slice(0, MAX_REASON)
    .replace(/\p{Cs}/gu, "");
}
