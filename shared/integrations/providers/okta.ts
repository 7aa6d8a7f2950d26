import * as z from "zod";
import { translate } from "./okta-event-types.ts";
import type { ProviderAdapter } from "./provider-adapter.ts";
import { optionalPart, optionalParts, optionalText, optionalTime } from "./provider-event.ts";

const entity = { id: optionalText, type: optionalText };

/**
 * Okta System Log events, as sent by log streaming.
 * https://developer.okta.com/docs/reference/api/system-log/
 */
const detailSchema = z
  .looseObject({
    uuid: optionalText,
    published: optionalTime,
    eventType: optionalText,
    displayMessage: optionalText,
    actor: optionalPart(entity),
    target: optionalParts(entity),
    client: optionalPart({
      id: optionalText,
      ipAddress: optionalText,
      userAgent: optionalPart({ rawUserAgent: optionalText }),
      geographicalContext: optionalPart({ geolocation: optionalPart({}) }),
    }),
    securityContext: optionalPart({}),
    outcome: optionalPart({ result: optionalText, reason: optionalText }),
    authenticationContext: optionalPart({ externalSessionId: optionalText }),
    debugContext: optionalPart({ debugData: optionalPart({ requestUri: optionalText }) }),
  })
  .catch({ target: [] });

/**
 * The request body that an event hook sends: selected System Log events.
 * https://developer.okta.com/docs/concepts/event-hooks/
 */
const hookSchema = z.looseObject({ data: z.looseObject({ events: z.array(z.unknown()) }) });

export const okta: ProviderAdapter = {
  name: "okta",
  serves: ({ source }) => source.startsWith("aws.partner/okta.com/"),
  batch: (detail) => hookSchema.safeParse(detail).data?.data.events,
  read: ({ detail }) => {
    const event = detailSchema.parse(detail);
    const geography = event.client?.geographicalContext;
    const entities = [event.actor, ...event.target];
    const getId = (...types: string[]) =>
      entities.find((each) => types.includes(each?.type ?? ""))?.id;
    return {
      id: event.uuid,
      code: event.eventType,
      occurredAt: event.published,
      ...translate(event.eventType ?? "", event.outcome?.result, event.outcome?.reason),
      clientId:
        event.client?.id ?? getId("PublicClientApp", "ConfidentialClientApp", "AppInstance"),
      userId: getId("User"),
      sessionId: event.authenticationContext?.externalSessionId,
      ip: event.client?.ipAddress,
      enrichment: {
        country: geography?.country,
        latitude: geography?.geolocation?.lat,
        longitude: geography?.geolocation?.lon,
        asn: event.securityContext?.asNumber,
        organization: event.securityContext?.asOrg,
        networkType: event.securityContext?.isProxy === true ? "proxy" : undefined,
      },
      userAgent: event.client?.userAgent?.rawUserAgent,
      endpoint: event.debugContext?.debugData?.requestUri,
      message: event.displayMessage,
    };
  },
};
