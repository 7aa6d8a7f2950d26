import * as z from "zod";
import { withoutTokens } from "../../shared/events/event-data.ts";
import {
  detailType,
  EVENT_SOURCE,
  type OAuthEvent,
  oauthEventSchema,
} from "../../shared/events/oauth-event.ts";
import { toOAuthEvent } from "../../shared/providers/provider-adapter.ts";
import { adapterOf } from "../../shared/providers/provider-adapters.ts";

/** The part of EventBridge's own envelope that concerns us. */
const busMessageSchema = z.looseObject({
  source: z.string(),
  "detail-type": z.string(),
  id: z.string().default(""),
  time: z.string().default(""),
  detail: z.unknown(),
  /** Of a replay of the bus's archive. */
  "replay-name": z.string().optional(),
});

type BusMessage = z.output<typeof busMessageSchema>;

/** A message's event and whether a replay brought it, or why it is none. */
export type ParsedMessage =
  | { readonly event: OAuthEvent; readonly replayed: boolean }
  | { readonly reason: string };

/** An event in our own envelope, whose `DetailType` must say what it is. */
function ownEvent(message: BusMessage): OAuthEvent | { readonly reason: string } {
  const event = oauthEventSchema.parse(message.detail);
  const expected = detailType(event.event_type);
  if (message["detail-type"] === expected) return event;
  return {
    reason: `detail-type is ${message["detail-type"]}, but the event's type asks for ${expected}`,
  };
}

function toEvent(message: BusMessage): OAuthEvent | { readonly reason: string } {
  if (message.source === EVENT_SOURCE) return ownEvent(message);
  const adapter = adapterOf(message);
  if (adapter) return toOAuthEvent(adapter, message);
  return {
    reason: `source is ${message.source}: neither ${EVENT_SOURCE} nor that of a known identity provider`,
  };
}

function parse(body: string): ParsedMessage {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    return { reason: `the message is not JSON: ${(error as Error).message}` };
  }
  try {
    const message = busMessageSchema.parse(json);
    const event = toEvent(message);
    if ("reason" in event) return event;
    return { event, replayed: message["replay-name"] !== undefined };
  } catch (error) {
    if (error instanceof z.ZodError) return { reason: z.prettifyError(error) };
    throw error;
  }
}

/**
 * Parses the body of an SQS message that EventBridge delivered, by the producer that it names. A reason
 * may quote the message, so that tokens in it are replaced by their digests.
 */
export function parseBusMessage(body: string): ParsedMessage {
  const parsed = parse(body);
  return "reason" in parsed ? { reason: withoutTokens(parsed.reason) } : parsed;
}
