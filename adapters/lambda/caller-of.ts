import * as z from "zod";
import type { Caller } from "../http/caller.ts";

const text = z.string();

const callerSchema = z.object({
  oauth_client_id: text,
  user_id: text.optional(),
  token_id: text,
  scope: text,
  expires_at: text,
  session_id: text.optional(),
  session_scope: text.optional(),
});

const eventSchema = z.object({
  requestContext: z.object({
    authorizer: z.union([z.object({ lambda: callerSchema }), callerSchema]),
  }),
});

/**
 * Returns the caller, if the function runs behind the middleware or behind the authorizer of a REST API or HTTP
 * API. The same handler works with all of them.
 *
 * @param event the handler's event
 * @returns undefined if neither the middleware nor the authorizer allowed the call
 */
export function callerOf(event: unknown): Caller | undefined {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const { authorizer } = parsed.data.requestContext;
  const caller = "lambda" in authorizer ? authorizer.lambda : authorizer;
  return Object.fromEntries(
    Object.entries(caller).filter(([, value]) => value !== undefined),
  ) as unknown as Caller;
}
