import * as z from "zod";
import type { ProviderMapping } from "../../config/provider-parameters.ts";
import {
  detailType,
  EVENT_SOURCE,
  type OAuthEvent,
  oauthEventSchema,
} from "../../events/oauth-event.ts";
import { getRejectionReason, showable } from "../../events/redact-text.ts";
import { auth0 } from "./auth0.ts";
import { cognito } from "./cognito.ts";
import { entra } from "./entra.ts";
import { keycloak } from "./keycloak.ts";
import { okta } from "./okta.ts";
import { ping } from "./ping.ts";
import { eventsOfBatch, type ProviderAdapter, toOAuthEvent } from "./provider-adapter.ts";

/** Adapters for the providers that are supported without a mapping in the configuration. */
export const KNOWN_PROVIDERS: readonly ProviderAdapter[] = [
  auth0,
  okta,
  entra,
  keycloak,
  ping,
  cognito,
];

/**
 * Returns all adapters, including one for each mapping in the configuration. Loads the mapping code only if there are
 * any mappings.
 *
 * @throws InvalidConfigError if a path in a mapping isn't valid JSONPath
 */
export async function loadAdapters(
  mappings: readonly ProviderMapping[],
): Promise<readonly ProviderAdapter[]> {
  if (mappings.length === 0) return KNOWN_PROVIDERS;
  const { mappedProvider } = await import("./mapped-provider.ts");
  return [...KNOWN_PROVIDERS, ...mappings.map(mappedProvider)];
}

/** The parts of EventBridge's envelope that are used. */
const busMessageSchema = z.looseObject({
  source: z.string(),
  "detail-type": z.string(),
  id: z.string().default(""),
  time: z.string().optional().catch(undefined),
  detail: z.unknown(),
  /** Name of the replay, if the message was replayed from the bus's archive. */
  "replay-name": z.string().optional(),
});

type BusMessage = z.output<typeof busMessageSchema>;

/**
 * The result of parsing a message: one event, the events in a batch, or why the message contains no event. The events
 * in a batch must be published separately. `replayed` is true if the message comes from an archive replay.
 */
export type ParsedMessage =
  | { readonly event: OAuthEvent; readonly replayed: boolean }
  | { readonly batch: readonly OAuthEvent[]; readonly replayed: boolean }
  | { readonly reason: string };

/** Parses an event of this product. `DetailType` must match the event's type. */
function ownEvent(message: BusMessage): OAuthEvent | { readonly reason: string } {
  const event = oauthEventSchema.parse(message.detail);
  const expected = detailType(event.event_type);
  if (message["detail-type"] === expected) return event;
  return {
    reason: showable(
      `the detail-type must be ${expected} for this type of event, but it is ${message["detail-type"]}`,
    ),
  };
}

function toEvent(
  message: BusMessage,
  adapters: readonly ProviderAdapter[],
): OAuthEvent | readonly OAuthEvent[] | { readonly reason: string } {
  if (message.source === EVENT_SOURCE) return ownEvent(message);
  const adapter = adapters.find(({ serves }) => serves(message));
  if (adapter) return eventsOfBatch(adapter, message) ?? toOAuthEvent(adapter, message);
  return {
    reason: showable(
      `the source must be ${EVENT_SOURCE} or a known identity provider, but it is ${message.source}`,
    ),
  };
}

/**
 * Parses the body of an SQS message from EventBridge. The message's `source` determines the adapter.
 *
 * @param adapters the provider adapters. `loadAdapters` adds those from the configuration.
 */
export function parseBusMessage(
  body: string,
  adapters: readonly ProviderAdapter[] = KNOWN_PROVIDERS,
): ParsedMessage {
  try {
    const message = busMessageSchema.parse(JSON.parse(body));
    const found = toEvent(message, adapters);
    if ("reason" in found) return found;
    const replayed = message["replay-name"] !== undefined;
    return "event_type" in found ? { event: found, replayed } : { batch: found, replayed };
  } catch (error) {
    return { reason: getRejectionReason(error) };
  }
}
