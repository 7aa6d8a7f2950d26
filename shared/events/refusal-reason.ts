import * as z from "zod";
import { explain } from "../core/faults.ts";
import { withoutTokens } from "./redact-text.ts";

/** A longer reason helps nobody; what is refused may be megabytes. */
export const MAX_REASON = 1024;

/**
 * Why something is no event, fit for a log and for the message's attribute: without our own tokens, in
 * 1,024 characters. Of what is not JSON it repeats nothing: the parser's own words quote the text.
 *
 * @param error what parsing threw; anything but a ZodError, SyntaxError or RangeError is thrown again
 */
export function refusalReason(error: unknown): string {
  if (error instanceof z.ZodError) return showable(explain(error));
  if (error instanceof SyntaxError) return "the message is not JSON";
  // The stack is full: JSON.parse takes any depth, JSON.stringify does not.
  if (error instanceof RangeError) return "the message is nested too deeply: flatten it";
  throw error;
}

/** A reason that repeats words of the message. */
export function showable(reason: string): string {
  return withoutTokens(reason)
    .slice(0, MAX_REASON)
    .replace(/\p{Cs}/gu, "");
}
