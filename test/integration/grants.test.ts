import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { expect, it } from "vitest";
import { decide } from "../../adapters/http/decide.ts";
import { OAuthMonitoring } from "../../infra/oauth-monitoring.ts";
import {
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { DAY_MS, toInstant } from "../../shared/core/clock.ts";
import {
  alertSuspiciousActivity,
  endSession,
  issueToken,
  listClients,
  queryEvents,
  registerClient,
  releaseAction,
  revokeToken,
  startSession,
  storeAuthorizationCode,
  takeAction,
  tokenUsageStats,
  trackEvent,
  trackScopeValidation,
  trackTokenUsage,
} from "../../shared/index.ts";
import { createWorld, type World } from "./store.ts";

type GrantName = Extract<keyof OAuthMonitoring, `grant${string}`>;

/** Every grant with the operations that it should allow. */
const PROMISED: Readonly<Record<GrantName, (world: World) => Promise<(() => Promise<unknown>)[]>>> =
  {
    grantIssueTokens: async (world) => [
      () => issueToken(world, owner),
      () => startSession(world, owner),
      () =>
        storeAuthorizationCode(world, {
          code: "c".repeat(43),
          clientId: "app",
          userId: "ada",
          scopes: ["api:read"],
          redirectUri: "https://app.example.com/callback",
        }),
    ],
    grantRevoke: async (world) => {
      const { token } = await issueToken(world, owner);
      const { secret } = await startSession(world, owner);
      return [() => revokeToken(world, token.token_id), () => endSession(world, secret)];
    },
    grantTrackUsage: async (world) => {
      const { token } = await issueToken(world, owner);
      const request = { endpoint: "/api", method: "GET", ip: "203.0.113.1" };
      return [
        () => trackTokenUsage(world, token, request),
        () => trackScopeValidation(world, token, ["api:read"], true),
      ];
    },
    grantRespond: async (world) => {
      const target = { kind: "user", id: "ada" } as const;
      const until = toInstant(world.time.nowMs + DAY_MS);
      const { token } = await issueToken(world, owner);
      await issueToken(world, owner);
      await startSession(world, owner);
      const request = { kind: "block", target, until, ...why } as const;
      const block = () => takeAction(world, { ...request, idempotencyKey: "k" });
      return [
        () =>
          takeAction(world, {
            kind: "revoke",
            target: { kind: "token", id: token.token_id },
            ...why,
          }),
        () => takeAction(world, { kind: "revoke", target, ...why }),
        () =>
          takeAction(world, { kind: "revoke", target: { kind: "all" }, mode: "dry_run", ...why }),
        async () => releaseAction(world, { actionId: (await block()).action_id, ...why }),
      ];
    },
    grantAuthorize: async (world) => {
      const { secret, token } = await issueToken(world, owner);
      const call = {
        method: "GET",
        path: "/api",
        authorization: [`Bearer ${secret}`],
        sessionSecret: "s",
        ip: "203.0.113.1",
        requestId: "r",
      };
      const by = (config: MonitoringConfigInput) => ({
        ...world,
        config: parseMonitoringConfig(config),
      });
      await world.db.send(
        new UpdateCommand({
          TableName: world.tokensTable,
          Key: { token_digest: token.token_digest },
          UpdateExpression: "REMOVE listed",
        }),
      );
      await takeAction(world, {
        kind: "block",
        target: { kind: "user", id: "eve" },
        until: toInstant(world.time.nowMs + DAY_MS),
        ...why,
      });
      return [
        // A token that is not on the deny list, after the list has changed.
        async () => (await decide(by({}), call)).track(() => {}),
        () => decide(by({}), call),
        () => decide(by({ tracking: { lastUsedIntervalSeconds: 60 } }), call),
        () => decide(by({ routes: [{ path: "/api", scopes: [], session: "required" }] }), call),
      ];
    },
    grantRegisterClients: async (world) => [
      () => registerClient(world, { clientId: "app", name: "The app" }),
    ],
    grantPublish: async (world) => [
      () => trackEvent(world, "consent_given", { oauth_client_id: "app" }),
      () => alertSuspiciousActivity(world, "odd", {}),
    ],
    grantReadAudit: async (world) => {
      await issueToken(world, owner);
      await registerClient(world, { clientId: "app", name: "The app" });
      const day = { fromMs: world.time.nowMs - DAY_MS, toMs: world.time.nowMs + 1 };
      const filters = [{}, { clientId: "app" }, { userId: "ada" }, { tokenId: "t" }];
      return [
        ...[...filters, { ip: "203.0.113.1" }, { security: true }].map(
          (filter) => () => queryEvents(world, { limit: 10, ...filter }),
        ),
        () => tokenUsageStats(world, day),
        () => listClients(world),
      ];
    },
  };

const why = { reason: "a grant", actor: { kind: "administrator", id: "root" } } as const;

const owner = { clientId: "app", userId: "ada", scopes: ["api:read"], expiresInSeconds: 60 };

/** Returns the DynamoDB actions that a grant allows, each with its table or index. */
function granted(name: GrantName): Set<string> {
  const stack = new Stack(new App(), "Shop");
  const monitoring = new OAuthMonitoring(stack, "Oam");
  monitoring[name](new Role(stack, "Grantee", { assumedBy: new ServicePrincipal("ec2") }));
  const policies = Template.fromStack(stack).findResources("AWS::IAM::Policy", {
    Properties: { Roles: [{ Ref: Match.stringLikeRegexp("^Grantee") }] },
  });
  const statements: { Action: string | string[]; Resource: unknown }[] = Object.values(
    policies,
  ).flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  const tables = Object.entries(monitoring.tables).map(([table, { tableArn }]) => ({
    table: `${table}Table`,
    id: stack.resolve(tableArn)["Fn::GetAtt"][0] as string,
  }));
  return new Set(
    statements.flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) =>
        [Resource].flat().flatMap((resource) => {
          const text = JSON.stringify(resource);
          const table = tables.find(({ id }) => text.includes(`"${id}"`))?.table;
          const [index = ""] = /\/index\/\w+/.exec(text) ?? [];
          return action.startsWith("dynamodb:") ? [`${action.slice(9)} ${table}${index}`] : [];
        }),
      ),
    ),
  );
}

/** Returns an operation's DynamoDB actions. The test's sink stores published events; these writes are not counted. */
async function recordActions(world: World, operation: () => Promise<unknown>): Promise<string[]> {
  const getName = new Map(
    Object.entries(world).flatMap(([name, value]) => (/Table$/.test(name) ? [[value, name]] : [])),
  );
  const sink = { publish: async () => {} };
  const { sink: storing } = world;
  const found: string[] = [];
  world.sink = sink;
  world.db.middlewareStack.add(
    (next, context) => async (args) => {
      const action = String(context.commandName).replace(/Command$/, "");
      const input = args.input as { TableName?: string; IndexName?: string; RequestItems?: object };
      const names = input.TableName ? [input.TableName] : Object.keys(input.RequestItems ?? {});
      const index = input.IndexName ? `/index/${input.IndexName}` : "";
      found.push(...names.map((name) => `${action} ${getName.get(name)}${index}`));
      return next(args);
    },
    { step: "initialize", name: "asked" },
  );
  await operation();
  world.db.middlewareStack.remove("asked");
  world.sink = storing;
  return found;
}

it.each(Object.keys(PROMISED) as GrantName[])(
  "%s allows every operation that it should allow",
  async (name) => {
    const world = await createWorld();
    const allowed = granted(name);
    const needed = new Set<string>();
    for (const operation of await PROMISED[name](world)) {
      for (const access of await recordActions(world, operation)) needed.add(access);
    }
    expect([...needed].filter((access) => !allowed.has(access))).toEqual([]);
    if (name === "grantPublish") expect(needed.size).toBe(0);
    else expect(needed.size).toBeGreaterThan(0);
  },
);
