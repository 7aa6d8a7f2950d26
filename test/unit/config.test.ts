import { describe, expect, it } from "vitest";
import { readEnvironment, withConfigFile } from "../../shared/config/environment.ts";
import { retentionDays } from "../../shared/config/event-retention.ts";
import {
  InvalidConfigError,
  type MonitoringConfigInput,
  parseMonitoringConfig,
} from "../../shared/config/monitoring-config.ts";
import { writeConfigFile } from "../config-file.ts";

/** The default, minimum and maximum of each numeric setting. */
const NUMBERS: readonly (readonly [path: string, fallback: number, least: number, most: number])[] =
  [
    ["api.throttle.burstLimit", 5000, 1, Number.MAX_SAFE_INTEGER],
    ["api.waf.requestsPerFiveMinutesPerIp", 10_000, 10, 2_000_000_000],
    ["retention.defaultDays", 90, 1, 3650],
    ["retention.statisticsDays", 400, 1, 3650],
    ["retention.cleanupRunDays", 90, 1, 3650],
    ["retention.ttlBackstopDays", 7, 1, 3650],
    ["tracking.lastUsedIntervalSeconds", 0, 0, 86_400],
    ["subscriber.batchSize", 500, 1, 1000],
    ["subscriber.batchWindowSeconds", 1, 1, 300],
    ["subscriber.maxConcurrency", 10, 2, 1000],
    ["subscriber.maxReceiveCount", 100, 1, 1000],
    ["cleanup.everyMinutes", 60, 5, 1440],
    ["cleanup.concurrency", 25, 1, 200],
    ["archive.retentionDays", 30, 1, 3650],
    ["responses.actionsPerHour", 10, 0, 1000],
    ["anomalies.everyMinutes", 5, 1, 60],
    ["anomalies.quietMinutes", 30, 5, 1440],
    ["anomalies.historyDays", 14, 2, 60],
    ["anomalies.rules.issuance_rate.minimum", 30, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.issuance_rate.deviations", 6, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.issuance_rate.ratio", 3, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.failure_rate.minimum", 20, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.failure_rate.deviations", 6, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.failure_burst.windowMinutes", 10, 1, 60],
    ["anomalies.rules.failure_burst.perIp", 20, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.persistent_failures.hours", 4, 2, 12],
    ["anomalies.rules.persistent_failures.perHour", 6, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.success_after_failures.failures", 5, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.success_after_failures.secondFactors", 3, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.success_after_failures.credentialGuesses", 10, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.token_theft.windowMinutes", 120, 10, 720],
    ["anomalies.rules.dead_tokens.principals", 5, 2, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.scope_probing.endpoints", 5, 2, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.scope_probing.hours", 24, 1, 72],
    ["anomalies.rules.scraping.calls", 400, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.scraping.slowCalls", 150, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.network_guessing.credentialGuesses", 30, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.network_guessing.addresses", 6, 2, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.idle_client.uses", 10, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.idle_client.idleDays", 10, 2, 60],
    ["anomalies.rules.registration_spike.clients", 5, 2, 50],
    ["anomalies.rules.device_phishing.windowMinutes", 120, 10, 720],
    ["anomalies.rules.impossible_travel.windowMinutes", 120, 10, 720],
    ["anomalies.rules.impossible_travel.kmPerHour", 1000, 100, 100_000],
    ["anomalies.rules.impossible_travel.minimumKm", 500, 50, 20_000],
    ["anomalies.rules.impossible_travel.switchBackMinutes", 60, 5, 720],
    ["anomalies.rules.anonymising_proxy.windowMinutes", 120, 10, 720],
    ["anomalies.rules.anonymising_proxy.users", 5, 2, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.anonymising_proxy.credentialGuesses", 10, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.sessions_apart.windowMinutes", 120, 10, 720],
    ["anomalies.rules.foreign_sessions.denials", 3, 2, 100],
    ["anomalies.rules.mfa_fatigue.prompts", 5, 2, 100],
    ["anomalies.rules.ended_access.graceMinutes", 2, 0, 60],
    ["anomalies.rules.unusual_hours.days", 4, 2, 20],
    ["anomalies.rules.unusual_hours.quietHours", 8, 4, 20],
    ["anomalies.rules.scraping.ratio", 5, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.scraping.resources", 40, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.consent_phishing.users", 10, 2, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.consent_phishing.days", 7, 1, 14],
    ["anomalies.rules.outage.windowMinutes", 15, 5, 60],
    ["anomalies.rules.outage.clients", 4, 2, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.outage.failures", 40, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.outage.ratio", 4, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.maxCandidates", 60, 10, 1000],
    ["anomalies.rules.revoked_token.graceMinutes", 15, 0, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.dormant_token.uses", 50, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.new_network.maxKnownNetworks", 3, 1, Number.MAX_SAFE_INTEGER],
    ["anomalies.rules.new_network.learnDays", 2, 1, 90],
    ["alarms.deadLetters", 1, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.bufferAgeSeconds", 300, 60, Number.MAX_SAFE_INTEGER],
    ["alarms.apiServerErrors.percent", 1, Number.MIN_VALUE, 100],
    ["alarms.apiServerErrors.atLeast", 5, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.authorizerUnavailable.percent", 1, Number.MIN_VALUE, 100],
    ["alarms.authorizerUnavailable.atLeast", 5, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.authorizerP99Milliseconds", 500, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.functionErrors.percent", 1, Number.MIN_VALUE, 100],
    ["alarms.functionErrors.atLeast", 5, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.functionThrottles.percent", 1, Number.MIN_VALUE, 100],
    ["alarms.functionThrottles.atLeast", 5, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.tableThrottles.percent", 1, Number.MIN_VALUE, 100],
    ["alarms.tableThrottles.atLeast", 5, 1, Number.MAX_SAFE_INTEGER],
    ["alarms.suspiciousActivity", 1, 1, Number.MAX_SAFE_INTEGER],
  ];

const saying = (path: string, value: unknown) =>
  path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);

const at = (config: unknown, path: string) =>
  path.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], config);

const rejection = (path: string, value: unknown) => {
  try {
    parseMonitoringConfig(saying(path, value));
  } catch (error) {
    return error;
  }
};

describe("parseMonitoringConfig", () => {
  it.each(NUMBERS)(
    "sets %s to %d by default and accepts %d to %d",
    (path, fallback, least, most) => {
      expect(at(parseMonitoringConfig({}), path)).toBe(fallback);
      for (const value of [least, most]) {
        expect(at(parseMonitoringConfig(saying(path, value)), path)).toBe(value);
      }
      for (const value of [least - 1, ...(most === Number.MAX_SAFE_INTEGER ? [] : [most + 1])]) {
        expect(rejection(path, value)).toBeInstanceOf(InvalidConfigError);
        expect(String(rejection(path, value))).toContain(`${path}:`);
      }
    },
  );

  it("sets the other defaults", () => {
    const { api, archive, anomalies, ...config } = parseMonitoringConfig({});
    expect(config).toMatchObject({
      realm: "oauth-monitoring",
      stageName: "prod",
      removalPolicy: "retain",
      routes: [],
      defaultScopes: { read: ["api:read"], write: ["api:write"] },
      tracking: { scopeValidationSuccess: true },
      providers: { partnerEventBuses: [], cognito: false },
      retention: { daysByEventType: {} },
    });
    expect(api).toMatchObject({ throttle: { rateLimit: 10_000 }, waf: { enabled: false } });
    expect(archive.enabled).toBe(true);
    expect(config.ocsfExport).toBeUndefined();
    expect(anomalies.mutedClients).toEqual([]);
    expect(Object.values(anomalies.rules).map(({ enabled }) => enabled)).not.toContain(false);
    expect(anomalies.rules.credential_reuse.reasons).toEqual([
      "authorization_code_reused",
      "refresh_token_reused",
    ]);
    const route = parseMonitoringConfig({ routes: [{ path: "/a", scopes: [] }] }).routes[0];
    expect(route).toEqual({ path: "/a", scopes: [], method: "ANY", session: "ignored" });
  });

  it("accepts response policies only for existing rules", () => {
    const rules = (name: string) => ({ responses: { rules: { [name]: { mode: "propose" } } } });
    expect(parseMonitoringConfig(rules("token_theft")).responses.rules).toEqual({
      token_theft: { mode: "propose", action: "block", blockMinutes: 60 },
    });
    expect(() => parseMonitoringConfig(rules("token_network"))).toThrow(
      /responses\.rules\.token_network: unknown rule\. Use one of issuance_rate, /,
    );
  });

  it("keeps security events for at least 90 days even when the default retention is shorter", () => {
    const config = parseMonitoringConfig({
      retention: { defaultDays: 30, daysByEventType: { token_used: 7, auth_failed: 90 } },
    });
    expect(retentionDays(config, "token_used")).toBe(7);
    expect(retentionDays(config, "token_issued")).toBe(30);
    expect(retentionDays(config, "constructor")).toBe(30);
    for (const type of ["auth_failed", "scope_violation", "suspicious_activity"]) {
      expect(retentionDays(config, type)).toBe(90);
      expect(String(rejection("retention.daysByEventType", { [type]: 89 }))).toContain(type);
    }
    const longer = parseMonitoringConfig({ retention: { defaultDays: 120 } });
    expect(retentionDays(longer, "auth_failed")).toBe(120);
  });

  it("rejects an exempt network that is invalid or too large", () => {
    const withNetworks = (networks: string[]) =>
      parseMonitoringConfig({ responses: { allow: { networks } } });
    expect(withNetworks(["203.0.113.9/24"]).responses.allow.networks).toHaveLength(1);
    for (const network of ["office", "203.0.113.9", "10.0.0.0/4"]) {
      expect(() => withNetworks(["203.0.113.0/24", network])).toThrow(
        /responses\.allow\.networks\[?\.?1/,
      );
    }
  });

  it.each(["events", "counters", "issuances", "expiry"] as const)(
    "uses four shards of %s and reads at least as many shards as it writes",
    (index) => {
      const shards = (given: object) =>
        parseMonitoringConfig({ shards: { [index]: given } }).shards[index];
      expect(shards({})).toEqual({ write: 4, read: 4 });
      expect(shards({ write: 128 })).toEqual({ write: 128, read: 128 });
      expect(shards({ write: 2, read: 2 })).toEqual({ write: 2, read: 2 });
      expect(shards({ write: 1, read: 8 })).toEqual({ write: 1, read: 8 });
      for (const wrong of [{ write: 0 }, { write: 129 }, { write: 2, read: 129 }, { read: 3 }]) {
        expect(() => shards(wrong)).toThrow(InvalidConfigError);
      }
      expect(() => shards({ write: 3, read: 2 })).toThrow(/read \(2\) to at least write \(3\)/);
    },
  );

  it.each([
    ["routes", [{ path: "/orders/{id}", scopes: [] }], [{ path: "orders", scopes: [] }]],
    ["routes", [{ path: "/a/{proxy+}", scopes: [] }], [{ path: "/{proxy+}/a", scopes: [] }]],
    ["realm", "My shop_1.0-x", 'a"b'],
    ["realm", "x".repeat(64), "x".repeat(65)],
    ["stageName", "x".repeat(128), "x".repeat(129)],
    ["stageName", "v1_x", "v1-x"],
    ["removalPolicy", "destroy", "keep"],
    ["providers.partnerEventBuses", ["aws.partner/okta.com/a/b"], ["aws.partner/other.com/a"]],
    ["api.webAclArn", "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/n/1-a", "arn:aws:x"],
    ["api.throttle.rateLimit", 0.5, 0],
    ["anomalies.rules.failure_rate.deviations", 1.5, 0.99],
    ["anomalies.mutedClients", ["x".repeat(256)], ["x".repeat(257)]],
    ["anomalies.mutedClients", ["x"], [""]],
    ["ocsfExport", { enabled: true, retentionDays: 90 }, { enabled: true, retentionDays: 89 }],
    ["ocsfExport", { enabled: true, bufferSeconds: 60 }, { enabled: true, bufferSeconds: 59 }],
    ["ocsfExport", { enabled: true, bufferSeconds: 900 }, { enabled: true, bufferSeconds: 901 }],
    [
      "subscriber",
      { batchSize: 10, batchWindowSeconds: 0 },
      { batchSize: 11, batchWindowSeconds: 0 },
    ],
  ])("accepts %s as %j but not as %j", (path, right, wrong) => {
    expect(at(parseMonitoringConfig(saying(path, right)), path)).toMatchObject(
      right as Record<string, unknown>,
    );
    expect(String(rejection(path, wrong))).toContain(path);
  });

  it.each([
    [["/orders/{id}", "/orders/special"], 1, 0],
    [["/a/{proxy+}", "/b", "/a/b/{c}"], 2, 0],
    [["/a", "/a"], 1, 0],
  ])("rejects the routes %j because no call can match one of them", (paths, index, earlier) => {
    const routes = paths.map((path) => ({ path, scopes: ["a"] }));
    expect(() => parseMonitoringConfig({ routes })).toThrow(
      new RegExp(`routes[^\\n]*${index}.*routes\\[${earlier}\\]`),
    );
  });

  it("accepts routes when each later route still applies to some calls", () => {
    const routes = [
      { method: "GET" as const, path: "/orders/{id}", scopes: ["a"] },
      { path: "/orders/special", scopes: ["b"] },
      { path: "/orders/{proxy+}", scopes: ["c"] },
      { path: "/{tenant}", scopes: ["d"] },
    ];
    expect(parseMonitoringConfig({ routes }).routes).toHaveLength(4);
  });

  it.each(["ANY", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "accepts routes with the method %s",
    (method) => {
      const routes = [{ method: method as "GET", path: "/a", scopes: ["a"] }];
      expect(parseMonitoringConfig({ routes }).routes[0]?.method).toBe(method);
    },
  );

  it("keeps the export for 400 days and writes an object every five minutes once it is enabled", () => {
    const { ocsfExport } = parseMonitoringConfig({ ocsfExport: { enabled: true } });
    expect(ocsfExport).toEqual({ enabled: true, retentionDays: 400, bufferSeconds: 300 });
    expect(
      parseMonitoringConfig({ ocsfExport: { retentionDays: 100 } }).ocsfExport,
    ).toBeUndefined();
  });

  it("accepts only one web ACL, either external or built in", () => {
    const webAclArn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/n/1-a";
    expect(String(rejection("api", { webAclArn, waf: { enabled: true } }))).toContain(
      "api.webAclArn",
    );
    expect(rejection("api", { webAclArn })).toBeUndefined();
    expect(rejection("api", { waf: { enabled: true } })).toBeUndefined();
  });
});

describe("readEnvironment", () => {
  const variables = {
    TOKENS_TABLE: "t",
    EVENTS_TABLE: "",
    ALERT_TOPIC_ARN: "arn:aws:sns:eu-central-1:111122223333:t",
    DEAD_LETTER_QUEUE_URL: "not a URL",
    OAUTH_MONITORING_CONFIG: '{"realm":"shop"}',
  };

  it("reads only the requested variables", () => {
    expect(readEnvironment(variables, ["TOKENS_TABLE", "ALERT_TOPIC_ARN"])).toEqual({
      TOKENS_TABLE: "t",
      ALERT_TOPIC_ARN: variables.ALERT_TOPIC_ARN,
    });
    const { OAUTH_MONITORING_CONFIG } = readEnvironment(variables, ["OAUTH_MONITORING_CONFIG"]);
    expect(OAUTH_MONITORING_CONFIG).toEqual(parseMonitoringConfig({ realm: "shop" }));
  });

  it.each(["EVENTS_TABLE", "CLIENTS_TABLE", "DEAD_LETTER_QUEUE_URL"] as const)(
    "rejects an environment without a valid %s",
    (name) => {
      expect(() => readEnvironment(variables, ["TOKENS_TABLE", name])).toThrow(name);
    },
  );

  it("rejects a topic that isn't an ARN and a configuration that isn't JSON", () => {
    const wrong = { ALERT_TOPIC_ARN: "topic", OAUTH_MONITORING_CONFIG: "{" };
    expect(() => readEnvironment(wrong, ["ALERT_TOPIC_ARN"])).toThrow("ALERT_TOPIC_ARN");
    expect(() => readEnvironment(wrong, ["OAUTH_MONITORING_CONFIG"])).toThrow(
      "OAUTH_MONITORING_CONFIG: expected JSON",
    );
  });
});

describe("withConfigFile", () => {
  const variablesWith = (config: MonitoringConfigInput, values?: Record<string, string>) =>
    withConfigFile({
      REALM: "other",
      LAMBDA_TASK_ROOT: writeConfigFile(config),
      ...(values && { OAUTH_MONITORING_DEPLOY_TIME_VALUES: JSON.stringify(values) }),
    });

  it("adds the configuration file in the function's asset to its variables", () => {
    const variables = variablesWith({ realm: "shop" });
    expect(variables).toMatchObject({
      REALM: "other",
      OAUTH_MONITORING_CONFIG: '{"realm":"shop"}',
    });
  });

  it("replaces placeholders with the values that were known at deployment", () => {
    const variables = variablesWith(
      { realm: "shop", defaultScopes: { read: ["known-at-deployment-1"] } },
      { "known-at-deployment-1": 'a"b', "known-at-deployment-11": "unused" },
    );
    expect(JSON.parse(variables.OAUTH_MONITORING_CONFIG ?? "")).toEqual({
      realm: "shop",
      defaultScopes: { read: ['a"b'] },
    });
  });

  it("throws when the asset has no configuration file", () => {
    expect(() => withConfigFile({ LAMBDA_TASK_ROOT: "/missing" })).toThrow("oauth-monitoring.json");
  });
});
