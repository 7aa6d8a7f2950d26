import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";
import {
  AUTH0_BUS,
  auth0Sample,
  cognitoSample,
  keycloakSample,
  OKTA_BUS,
  oktaSample,
} from "../provider-samples.ts";
import { useStack } from "./stack.ts";

const scene = useStack({
  assembly: () =>
    synthesize(mkdtempSync(join(tmpdir(), "oauth-monitoring-providers-")), {
      removalPolicy: "destroy",
      providers: { partnerEventBuses: [AUTH0_BUS, OKTA_BUS], cognito: true },
    }),
});

describe("a stack that listens to identity providers", () => {
  it("stores an event of each, once, wherever it arrives", async () => {
    const { stack, get, admin, settle } = scene();
    const bus = new EventBridgeClient({ ...LOCAL_ACCESS, endpoint: stack.eventbridgeEndpoint });
    const samples = [
      auth0Sample("fp"),
      oktaSample("user.session.start", "FAILURE"),
      keycloakSample("LOGIN_ERROR"),
      cognitoSample("InitiateAuth", { errorCode: "NotAuthorizedException" }),
    ];
    for (let delivery = 0; delivery < 2; delivery += 1) {
      const { FailedEntryCount } = await bus.send(
        new PutEventsCommand({
          Entries: samples.map(({ bus: arrives, source, detailType, detail }) => ({
            ...(arrives === "own" && { EventBusName: stack.eventBus.name }),
            ...(arrives === "partner" && { EventBusName: source }),
            Source: source,
            DetailType: detailType,
            Detail: JSON.stringify(detail),
          })),
        }),
      );
      expect(FailedEntryCount).toBe(0);
    }
    await settle();
    const { body } = await get(
      "/admin/oauth/events?type=auth_failed&from=2026-11-23T09:00:00Z&to=2026-11-23T11:00:00Z",
      admin,
    );
    const providers = body.events.map(
      (event: { event_data: { provider: string } }) => event.event_data.provider,
    );
    expect(providers.sort()).toEqual(["auth0", "cognito", "keycloak", "okta"]);
    const stats = await get(
      "/admin/oauth/stats?from=2026-11-23T09:00:00Z&to=2026-11-23T11:00:00Z",
      admin,
    );
    expect(stats.body.events.by_type.auth_failed).toBe(4);
  });
});
