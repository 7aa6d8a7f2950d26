import * as z from "zod";
import {
  detailType,
  EVENT_SOURCE,
  type OAuthEvent,
  oauthEventSchema,
} from "../../shared/events/oauth-event.ts";

/** The part of EventBridge's own envelope that concerns us. */
const busMessageSchema = z
  .looseObject({
    source: z.literal(EVENT_SOURCE),
    "detail-type": z.string(),
    detail: oauthEventSchema,
  })
  .superRefine((message, context) => {
    const expected = detailType(message.detail.event_type);
    if (message["detail-type"] !== expected) {
      context.addIssue({
        code: "custom",
        path: ["detail-type"],
        message: `is ${message["detail-type"]}, but the event's type asks for ${expected}`,
      });
    }
  });

/** A message's event, or why it is none. */
export type ParsedMessage = { readonly event: OAuthEvent } | { readonly reason: string };

/** Parses the body of an SQS message that EventBridge delivered. */
export function parseBusMessage(body: string): ParsedMessage {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    return { reason: `the message is not JSON: ${(error as Error).message}` };
  }
  const parsed = busMessageSchema.safeParse(json);
  return parsed.success ? { event: parsed.data.detail } : { reason: z.prettifyError(parsed.error) };
}
