import * as z from "zod";
import {
  detailType,
  EVENT_SOURCE,
  type OAuthEvent,
  oauthEventSchema,
} from "../envelope/oauth-event.ts";
import { refusalReason, showable } from "../envelope/refusal-reason.ts";
import { toOAuthEvent } from "./provider-adapter.ts";
import { adapterOf } from "./provider-adapters.ts";

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
    reason: showable(
      `the event's type asks for the detail-type ${expected}, but it is ${message["detail-type"]}`,
    ),
  };
}

function toEvent(message: BusMessage): OAuthEvent | { readonly reason: string } {
  if (message.source === EVENT_SOURCE) return ownEvent(message);
  const adapter = adapterOf(message);
  if (adapter) return toOAuthEvent(adapter, message);
  return {
    reason: showable(
      `neither ${EVENT_SOURCE} nor a known identity provider is the source: it is ${message.source}`,
    ),
  };
}

/** Parses the body of an SQS message that EventBridge delivered, by the producer that it names. */
export function parseBusMessage(body: string): ParsedMessage {
  try {
    const message = busMessageSchema.parse(JSON.parse(body));
    const event = toEvent(message);
    if ("reason" in event) return event;
    return { event, replayed: message["replay-name"] !== undefined };
  } catch (error) {
    return { reason: refusalReason(error) };
  }
}
