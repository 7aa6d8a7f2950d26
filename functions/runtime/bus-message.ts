import * as z from "zod";
import { type OAuthEvent, oauthEventSchema } from "../../shared/events/oauth-event.ts";
import { getRejectionReason } from "../../shared/events/redact-text.ts";
import { logger } from "./logger.ts";

const messageSchema = z.looseObject({ detail: oauthEventSchema });

/** Returns the event in a queue message from the bus, or undefined if it is invalid; retrying wouldn't help. */
export function eventInMessage(body: string): OAuthEvent | undefined {
  try {
    return messageSchema.parse(JSON.parse(body)).detail;
  } catch (error) {
    logger.error("A message is not an event", { cause: getRejectionReason(error) });
    return undefined;
  }
}
