import type { DraftEvent, Timeline } from "../../../local/traffic/world/timeline.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS, toInstant } from "../../../shared/core/clock.ts";
import { okta } from "../../../shared/integrations/providers/okta.ts";
import { toOAuthEvent } from "../../../shared/integrations/providers/provider-adapter.ts";
import { type CaseAuthor, callFrom, type Scene, spread } from "./labelled-case.ts";
import { address, addressIn } from "./networks.ts";
import { type EvaluationUser, SCOPES } from "./world.ts";

/** A user at the identity provider, with an IP address and a user agent. */
interface Actor {
  readonly userId: string;
  readonly ip: string;
  readonly userAgent: string;
  readonly clientId?: string | undefined;
  readonly sessionId?: string | undefined;
}

interface Outcome {
  readonly result?: "SUCCESS" | "FAILURE";
  readonly reason?: string;
  readonly message?: string;
}

/** Adds an event from Okta's System Log, as converted by the product's adapter. */
function log(
  { random }: Scene,
  timeline: Timeline,
  atMs: number,
  eventType: string,
  actor: Actor,
  { result = "SUCCESS", reason, message = eventType }: Outcome = {},
): void {
  const wholeMs = Math.floor(atMs);
  const detail = {
    uuid: random.uuid(wholeMs),
    published: toInstant(wholeMs),
    eventType,
    displayMessage: message,
    actor: { id: actor.userId, type: "User" },
    client: {
      ...(actor.clientId !== undefined && { id: actor.clientId }),
      ipAddress: actor.ip,
      userAgent: { rawUserAgent: actor.userAgent },
    },
    outcome: { result, ...(reason !== undefined && { reason }) },
    target: [],
    ...(actor.sessionId !== undefined && {
      authenticationContext: { externalSessionId: actor.sessionId },
    }),
  };
  const event = toOAuthEvent(okta, {
    source: "aws.partner/okta.com/evaluation/stream",
    "detail-type": "SystemLog",
    id: random.uuid(wholeMs),
    detail,
  });
  const draft: DraftEvent = {
    id: random.uuid(wholeMs),
    atMs: wholeMs,
    eventType: event.event_type,
    subject: { clientId: event.oauth_client_id, userId: event.user_id },
    ip: actor.ip,
    details: event.event_data,
  };
  timeline.drafts.push(draft);
}

const THIEF = "python-requests/2.31.0";
const pickClientId = ({ world, random }: Scene) => random.pick(world.apps);

const at = (user: EvaluationUser, clientId?: string): Actor => ({
  userId: user.id,
  ip: user.ip,
  userAgent: user.userAgent,
  clientId,
});

/** Adds the user's sign-ins on the days before, so that the home network is known. */
function signedInBefore(scene: Scene, actor: Actor): void {
  for (let days = 1; days <= 3; days += 1) {
    log(scene, scene.around, scene.startMs - days * 24 * HOUR_MS, "user.session.start", actor);
  }
}

/** Signs in, gets an app's token and makes calls with it. */
function signIn(
  scene: Scene,
  atMs: number,
  actor: Actor,
  { calls = 3, timeline = scene.labelled }: { calls?: number; timeline?: Timeline } = {},
): void {
  log(scene, timeline, atMs, "user.session.start", actor);
  const clientId = actor.clientId ?? "app-01";
  const call = callFrom(actor.ip, actor.userAgent);
  const token = timeline.issue(
    atMs + SECOND_MS,
    { clientId, userId: actor.userId },
    { scopes: SCOPES, lifetimeMs: HOUR_MS },
    call,
  );
  for (let n = 1; n <= calls; n += 1) timeline.use(atMs + n * MINUTE_MS, token, call);
}

/**
 * Adds a token for a user who entered a device code. The token is issued to the address that polls for it (RFC 8628).
 */
function deviceToken(scene: Scene, user: EvaluationUser, clientId: string, ip: string): void {
  const { labelled, startMs } = scene;
  const call = callFrom(ip, "okhttp/4.12.0");
  const subject = { clientId, userId: user.id };
  const token = labelled.issue(startMs, subject, { scopes: SCOPES, lifetimeMs: HOUR_MS }, call);
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  labelled.drafts.forEach((draft, index) => {
    if (draft.eventType !== "token_issued" || draft.subject.tokenId !== token.tokenId) return;
    labelled.drafts[index] = { ...draft, details: { ...draft.details, grant_type } };
  });
  spread({ startMs, count: 12, overMs: 40 * MINUTE_MS }, (atMs) => {
    labelled.use(atMs + SECOND_MS, token, call);
  });
}

const failedPassword = { result: "FAILURE", reason: "INVALID_CREDENTIALS" } as const;

/** Attacks that are visible in the identity provider's log. */
export const PROVIDER_ATTACK_CASES: Readonly<Record<string, CaseAuthor>> = {
  mfa_fatigue(scene) {
    const client = pickClientId(scene);
    const victim = at(scene.random.pick(client.users), client.id);
    signedInBefore(scene, victim);
    const thief = { ...victim, ip: address(scene.random, "vpn"), userAgent: THIEF };
    spread({ startMs: scene.startMs, count: 8, overMs: 16 * MINUTE_MS }, (atMs) => {
      log(scene, scene.labelled, atMs, "user.mfa.okta_verify.deny_push", thief, {
        result: "FAILURE",
      });
    });
    signIn(scene, scene.startMs + 18 * MINUTE_MS, thief);
  },
  password_found(scene) {
    const client = pickClientId(scene);
    const victim = at(scene.random.pick(client.users), client.id);
    signedInBefore(scene, victim);
    const thief = { ...victim, ip: address(scene.random, "hosting"), userAgent: THIEF };
    spread({ startMs: scene.startMs, count: 9, overMs: 15 * MINUTE_MS }, (atMs) => {
      log(scene, scene.labelled, atMs, "user.session.start", thief, failedPassword);
    });
    signIn(scene, scene.startMs + 16 * MINUTE_MS, thief);
  },
  password_spraying(scene) {
    const ip = address(scene.random, "hosting");
    spread({ startMs: scene.startMs, count: 120, overMs: 30 * MINUTE_MS }, (atMs) => {
      const actor = { ...at(scene.random.pick(pickClientId(scene).users)), ip, userAgent: THIEF };
      log(scene, scene.labelled, atMs, "user.session.start", actor, failedPassword);
    });
  },
  refresh_token_stolen(scene) {
    const client = pickClientId(scene);
    const victim = at(scene.random.pick(client.users), client.id);
    signedInBefore(scene, victim);
    const thief = { ...victim, ip: address(scene.random, "hosting"), userAgent: THIEF };
    spread({ startMs: scene.startMs, count: 2, overMs: 10 * MINUTE_MS }, (atMs) => {
      log(scene, scene.labelled, atMs, "app.oauth2.as.token.detect_reuse", thief, {
        result: "FAILURE",
      });
    });
  },
  session_hijacked(scene) {
    const client = pickClientId(scene);
    const user = scene.random.pick(client.users);
    const sessionId = scene.random.uuid(scene.startMs);
    const owner = { ...at(user, client.id), sessionId };
    log(scene, scene.around, scene.startMs - HOUR_MS, "user.session.start", owner);
    const subject = { clientId: client.id, userId: user.id };
    const life = { scopes: SCOPES, lifetimeMs: 8 * HOUR_MS };
    const own = callFrom(user.ip, user.userAgent);
    const token = scene.around.issue(scene.startMs - HOUR_MS, subject, life, own);
    spread({ startMs: scene.startMs - 50 * MINUTE_MS, count: 10, overMs: 2 * HOUR_MS }, (atMs) => {
      scene.around.use(atMs, token, own);
    });
    // The thief stole the cookie. The session continues elsewhere and gets a new token.
    const call = callFrom(address(scene.random, "vpn"), "curl/8.10.1");
    const stolen = scene.labelled.issue(scene.startMs, subject, life, call);
    spread({ startMs: scene.startMs, count: 15, overMs: HOUR_MS }, (atMs) => {
      scene.labelled.use(atMs + SECOND_MS, stolen, call);
    });
    for (const [timeline, tokenId] of [
      [scene.around, token.tokenId],
      [scene.labelled, stolen.tokenId],
    ] as const) {
      timeline.drafts.forEach((draft, index) => {
        if (draft.subject.tokenId !== tokenId || draft.eventType !== "token_used") return;
        timeline.drafts[index] = { ...draft, details: { ...draft.details, session_id: sessionId } };
      });
    }
  },
  protection_switched_off(scene) {
    const actor = {
      userId: "admin-7",
      ip: address(scene.random, "vpn"),
      userAgent: THIEF,
    };
    log(scene, scene.labelled, scene.startMs, "policy.lifecycle.deactivate", actor, {
      message: "Deactivate policy: MFA for everyone",
    });
    log(
      scene,
      scene.labelled,
      scene.startMs + MINUTE_MS,
      "app.oauth2.client.read_client_secret",
      actor,
    );
  },
  device_code_phished(scene) {
    const client = pickClientId(scene);
    const user = scene.random.pick(client.users);
    signedInBefore(scene, at(user, client.id));
    deviceToken(scene, user, client.id, address(scene.random, "hosting"));
  },
  clients_registered(scene) {
    const actor = { userId: "admin-3", ip: address(scene.random, "hosting"), userAgent: THIEF };
    spread({ startMs: scene.startMs, count: 12, overMs: 6 * MINUTE_MS }, (atMs) => {
      log(scene, scene.labelled, atMs, "app.oauth2.client.lifecycle.create", actor, {
        message: "Create OAuth client",
      });
    });
  },
};

/** Hard benign cases in the identity provider's log. */
export const PROVIDER_BENIGN_CASES: Readonly<Record<string, CaseAuthor>> = {
  forgotten_password(scene) {
    spread({ startMs: scene.startMs, count: 8, overMs: 6 * HOUR_MS }, (startMs) => {
      const client = pickClientId(scene);
      const user = at(scene.random.pick(client.users), client.id);
      signedInBefore(scene, user);
      for (let n = 0; n < 6; n += 1) {
        const atMs = startMs + n * 40 * SECOND_MS;
        log(scene, scene.labelled, atMs, "user.session.start", user, failedPassword);
      }
      signIn(scene, startMs + 6 * MINUTE_MS, user);
    });
  },
  declined_by_mistake(scene) {
    spread({ startMs: scene.startMs, count: 6, overMs: 6 * HOUR_MS }, (startMs) => {
      const client = pickClientId(scene);
      const user = at(scene.random.pick(client.users), client.id);
      signedInBefore(scene, user);
      log(scene, scene.labelled, startMs, "user.mfa.okta_verify.deny_push", user, {
        result: "FAILURE",
      });
      signIn(scene, startMs + MINUTE_MS, user);
    });
  },
  new_device(scene) {
    spread({ startMs: scene.startMs, count: 10, overMs: 8 * HOUR_MS }, (startMs) => {
      const client = pickClientId(scene);
      const user = at(scene.random.pick(client.users), client.id);
      signedInBefore(scene, user);
      const device = {
        ...user,
        ip: address(scene.random, "mobile"),
        userAgent: "ShopApp/7.4.0 CFNetwork/1568.200.51 Darwin/24.1.0",
      };
      log(scene, scene.labelled, startMs, "user.session.start", device, failedPassword);
      signIn(scene, startMs + MINUTE_MS, device);
    });
  },
  office_after_password_expiry(scene) {
    const network = address(scene.random, "isp").split(".").slice(0, 3).join(".");
    const ip = addressIn(scene.random, network);
    spread({ startMs: scene.startMs, count: 25, overMs: 40 * MINUTE_MS }, (atMs) => {
      const client = pickClientId(scene);
      const user = { ...at(scene.random.pick(client.users), client.id), ip };
      signIn(scene, atMs - 24 * HOUR_MS, user, { calls: 1, timeline: scene.around });
      log(scene, scene.labelled, atMs, "user.session.start", user, failedPassword);
      signIn(scene, atMs + MINUTE_MS, user, { calls: 1 });
    });
  },
  television_at_home(scene) {
    const client = pickClientId(scene);
    const user = scene.random.pick(client.users);
    signedInBefore(scene, at(user, client.id));
    deviceToken(scene, user, client.id, user.ip);
  },
  administrator_at_work(scene) {
    const actor = {
      userId: "admin-1",
      ip: address(scene.random, "isp"),
      userAgent: "Firefox/144.0",
    };
    const types = [
      "application.lifecycle.update",
      "user.lifecycle.create",
      "app.oauth2.client.lifecycle.create",
      "policy.rule.update",
    ];
    spread({ startMs: scene.startMs, count: 12, overMs: 3 * HOUR_MS }, (atMs, n) => {
      const eventType = types[n % types.length] as string;
      log(scene, scene.labelled, atMs, eventType, actor, { message: eventType });
    });
  },
};
