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
  entraSignIn,
  keycloakSample,
  OKTA_BUS,
  oktaSample,
  pingSample,
  type Sample,
} from "../provider-samples.ts";
import { useStack } from "./stack.ts";

const ACME = {
  name: "acme",
  fields: { code: "$.event", id: "$.id", occurredAt: "$.at", ip: "$.from" },
  types: { "login.failed": "auth_failed" },
};

const acmeSample: Sample = {
  source: "oauth.acme",
  detailType: "Acme event",
  bus: "own",
  detail: { event: "login.failed", id: "a-1", at: "2026-11-23T10:00:00Z", from: "192.0.2.77" },
};

const scene = useStack({
  assembly: () =>
    synthesize(mkdtempSync(join(tmpdir(), "oauth-monitoring-providers-")), {
      removalPolicy: "destroy",
      providers: { partnerEventBuses: [AUTH0_BUS, OKTA_BUS], cognito: true, mappings: [ACME] },
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
      entraSignIn("SignInLogs", 50126),
      pingSample("PASSWORD.CHECK_FAILED", "FAILED"),
      acmeSample,
      // Of no shape that anybody published.
      { ...auth0Sample("s"), detail: { "": [1e300], deep: "" } },
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
    expect(providers.sort()).toEqual([
      ...["acme", "auth0", "cognito", "entra", "keycloak", "okta", "ping"],
    ]);
    const stats = await get(
      "/admin/oauth/stats?from=2026-11-23T09:00:00Z&to=2026-11-23T11:00:00Z",
      admin,
    );
    expect(stats.body.events.by_type.auth_failed).toBe(7);
    const unknown = await get("/admin/oauth/events?type=auth0_unknown", admin);
    // EventBridge gives each delivery an id of its own, and this event has none.
    expect(unknown.body.events).toHaveLength(2);
    expect(unknown.body.events[0].event_data.original).toEqual({ "()": ["1e+300"], deep: "" });
  });
});
