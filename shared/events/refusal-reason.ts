import * as z from "zod";
import { explain } from "../core/faults.ts";
import { withoutTokens } from "./redact-text.ts";

/** Maximum length of a reason. A rejected message may have megabytes. */
export const MAX_REASON = 1024;

/**
 * Returns why a message isn't a valid event, for a log or message attribute: without our tokens, at most
 * 1,024 characters. For invalid JSON, the parser's message is omitted because it quotes the text.
 *
 * @param error error from parsing; anything but a ZodError, SyntaxError or RangeError is rethrown
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
