import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, inject, it } from "vitest";
import { type EventFilters, planIndex } from "../../shared/audit-log/event-index.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { createDocumentClient } from "../../shared/core/document-client.ts";
import { type IndexDefinition, TABLES } from "../../shared/core/tables.ts";

const assembly = inject("assembly");
const file = join(assembly.directory, `${assembly.stackName}.template.json`);
const template = Template.fromJSON(JSON.parse(readFileSync(file, "utf8")));

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Effect: string;
}

interface ServiceStatement extends Statement {
  readonly Principal: { readonly Service?: string };
  readonly Condition?: unknown;
}

function keySchema({ partitionKey, sortKey }: IndexDefinition) {
  const hash = { AttributeName: partitionKey, KeyType: "HASH" };
  return sortKey === undefined ? [hash] : [hash, { AttributeName: sortKey, KeyType: "RANGE" }];
}

function projection({ projection }: IndexDefinition) {
  if (typeof projection === "string") return { ProjectionType: projection };
  return { ProjectionType: "INCLUDE", NonKeyAttributes: projection };
}

/** Returns a name such as `Tokens+Sessions/by_expiry` for a statement's resources. */
function resourceNames(resource: string): string {
  const names = resource.matchAll(
    /(?:Data|EventFlow|Functions)([A-Za-z]+?)[0-9A-F]{8}"[^{}]*\}(?:,"\/index(\/[\w*]+)")?/g,
  );
  return [...new Set([...names].map(([, name, index = ""]) => `${name}${index}`))].join("+");
}

describe("tables", () => {
  it("are on demand, recoverable, encrypted with a customer managed key, protected, and use TTL", () => {
    template.resourceCountIs("AWS::DynamoDB::Table", Object.keys(TABLES).length);
    template.allResourcesProperties("AWS::DynamoDB::Table", {
      BillingMode: "PAY_PER_REQUEST",
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true, SSEType: "KMS" },
      DeletionProtectionEnabled: true,
      TimeToLiveSpecification: { Enabled: true },
    });
    template.allResources("AWS::DynamoDB::Table", { DeletionPolicy: "Retain" });
    template.hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: true });
  });

  it("have the keys and indexes that the code uses", () => {
    for (const definition of Object.values(TABLES)) {
      template.hasResourceProperties("AWS::DynamoDB::Table", {
        KeySchema: Match.arrayWith([{ AttributeName: definition.partitionKey, KeyType: "HASH" }]),
        TimeToLiveSpecification: { AttributeName: definition.ttlAttribute },
        ...(Object.keys(definition.indexes).length > 0 && {
          GlobalSecondaryIndexes: Object.entries(definition.indexes).map(([IndexName, index]) => ({
            IndexName,
            KeySchema: keySchema(index),
            Projection: projection(index),
          })),
        }),
      });
    }
  });
});

describe("queues and event bus", () => {
  it("are encrypted, reject plain HTTP and have a dead-letter queue", () => {
    template.resourceCountIs("AWS::SQS::Queue", 4);
    template.allResourcesProperties("AWS::SQS::Queue", {
      KmsMasterKeyId: Match.anyValue(),
      MessageRetentionPeriod: 14 * 86_400,
    });
    template.resourcePropertiesCountIs(
      "AWS::SQS::Queue",
      { RedrivePolicy: Match.objectLike({ maxReceiveCount: Match.anyValue() }) },
      2,
    );
    template.allResourcesProperties("AWS::SQS::QueuePolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: "Deny",
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          }),
        ]),
      },
    });
    template.hasResourceProperties("AWS::Events::Rule", {
      EventPattern: { source: ["oauth.monitoring", "oauth.keycloak", "oauth.entra", "oauth.ping"] },
      Targets: [Match.objectLike({ DeadLetterConfig: Match.anyValue() })],
    });
    template.hasResourceProperties("AWS::Events::Archive", {
      EventPattern: { source: ["oauth.monitoring", "oauth.keycloak", "oauth.entra", "oauth.ping"] },
      KmsKeyIdentifier: { "Fn::GetAtt": [Match.stringLikeRegexp("Key"), "Arn"] },
      RetentionDays: 30,
    });
  });

  it("accept only events from this account", () => {
    const policies = Object.values(template.findResources("AWS::SQS::QueuePolicy"));
    const ofServices = policies
      .flatMap((policy) => policy.Properties.PolicyDocument.Statement as ServiceStatement[])
      .filter(({ Effect, Principal }) => Effect === "Allow" && Principal.Service !== undefined);
    expect(ofServices).toHaveLength(2);
    for (const { Condition } of ofServices) {
      expect(JSON.stringify(Condition)).toMatch(/"aws:Source(Account|Arn)"/);
    }
  });

  it("hide a batch for six times the function timeout plus the batch window", () => {
    template.hasResourceProperties("AWS::SQS::Queue", { VisibilityTimeout: 361 });
    template.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
      BatchSize: 500,
      MaximumBatchingWindowInSeconds: 1,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    });
  });
});

describe("admin API", () => {
  it("calls the authorizer for every request, even without a token, and never caches the result", () => {
    template.hasResourceProperties("AWS::ApiGateway::Authorizer", {
      Type: "REQUEST",
      AuthorizerResultTtlInSeconds: 0,
      IdentitySource: "",
    });
    const open = Object.values(template.findResources("AWS::ApiGateway::Method"))
      .filter(({ Properties }) => Properties.AuthorizationType !== "CUSTOM")
      .map(({ Properties }) => JSON.stringify(Properties.ResourceId));
    // The dashboard page is open because it contains no data.
    expect(open).toEqual([expect.stringContaining("dashboard")]);
  });

  it("responds with problem documents and the RFC 6750 WWW-Authenticate header", () => {
    template.allResourcesProperties("AWS::ApiGateway::GatewayResponse", {
      ResponseParameters: {
        "gatewayresponse.header.Content-Type": "'application/problem+json'",
      },
    });
    template.hasResourceProperties("AWS::ApiGateway::GatewayResponse", {
      ResponseType: "ACCESS_DENIED",
      ResponseParameters: {
        "gatewayresponse.header.WWW-Authenticate": "context.authorizer.www_authenticate",
      },
    });
    template.hasResourceProperties("AWS::ApiGateway::GatewayResponse", {
      ResponseType: "AUTHORIZER_FAILURE",
      StatusCode: "503",
    });
  });

  it("has a unique name for its CloudWatch metrics", () => {
    const [api] = Object.values(template.findResources("AWS::ApiGateway::RestApi"));
    const { Name } = api?.Properties ?? {};
    expect(Name).toMatch(/^OAuthMonitoring-.*AdminApi/);
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Metrics: Match.arrayWith([
        Match.objectLike({
          MetricStat: Match.objectLike({
            Metric: {
              Namespace: "AWS/ApiGateway",
              MetricName: "5XXError",
              Dimensions: [{ Name: "ApiName", Value: Name }],
            },
          }),
        }),
      ]),
    });
  });

  it("keeps request headers out of the access log", () => {
    const stages = Object.values(template.findResources("AWS::ApiGateway::Stage"));
    const format = String(stages[0]?.Properties.AccessLogSetting.Format);
    expect(format).toContain("$context.requestId");
    expect(format).not.toMatch(/header|authorization/i);
  });
});

describe("functions", () => {
  it("run on arm64 and the newest Node.js runtime with tracing and limited log retention", () => {
    template.allResourcesProperties("AWS::Lambda::Function", {
      Architectures: ["arm64"],
      Runtime: "nodejs24.x",
      LoggingConfig: { LogFormat: "JSON", SystemLogLevel: "WARN", ApplicationLogLevel: "INFO" },
    });
    // The authorizer and the subscriber join traces that the API starts.
    const modes = Object.entries(template.findResources("AWS::Lambda::Function")).map(
      ([id, { Properties }]) => [
        /Functions(\w+?)[0-9A-F]{8}$/.exec(id)?.[1],
        Properties.TracingConfig.Mode,
      ],
    );
    const passThrough = modes.filter(([, mode]) => mode === "PassThrough").map(([name]) => name);
    expect(passThrough.sort()).toEqual(["Authorizer", "Subscriber"]);
    expect(modes.filter(([, mode]) => mode === "Active")).toHaveLength(modes.length - 2);
    template.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 90 });
  });

  it("receive names, URLs and the configuration in the environment, but no secrets", () => {
    const given = Object.values(template.findResources("AWS::Lambda::Function")).flatMap(
      ({ Properties }) => Object.keys(Properties.Environment.Variables),
    );
    const unknown = given.filter(
      (name) =>
        !/^(\w+_TABLE|\w+_QUEUE_URL|EVENT_BUS_NAME|ALERT_TOPIC_ARN|OAUTH_MONITORING_(CONFIG|STACK)|POWERTOOLS_SERVICE_NAME|AWS_NODEJS_CONNECTION_REUSE_ENABLED)$/.test(
          name,
        ),
    );
    expect(given.length).toBeGreaterThan(0);
    expect(unknown).toEqual([]);
  });

  /** Audit log queries of each function, which determine the indexes that it needs. */
  const QUERIES: Readonly<Record<string, readonly EventFilters[]>> = {
    Activity: [{ tokenId: "t" }, { userId: "u" }, { ip: "i" }],
    // An alert's subject is a client, an address or a token. Queries read the subject's failures or all of
    // its events.
    Anomalies: [true, undefined].flatMap((security) => [
      { clientId: "c", security },
      { ip: "i", security },
      { tokenId: "t", security },
    ]),
    Events: [
      { tokenId: "t" },
      { userId: "u" },
      { ip: "i" },
      { clientId: "c" },
      { clientId: "c", security: true },
      { type: "token_used" },
    ],
  };

  it.each(Object.entries(QUERIES))(
    "may query only the indexes that %s needs",
    async (name, queries) => {
      const db = createDocumentClient("call");
      // The simulated table returns no token owner, because the choice of index doesn't depend on it.
      db.middlewareStack.add(() => async () => ({ output: { Items: [] }, response: {} }) as never, {
        step: "initialize",
      });
      const store = { db, countersTable: "counters", config: parseMonitoringConfig({}) };
      const plans = await Promise.all(queries.map((filters) => planIndex(store, filters)));
      const needed = new Set(
        plans.flatMap(({ sources }) => sources.flatMap(({ indexName = [] }) => indexName)),
      );
      // Without a filter, the function queries the whole log by time.
      if (name === "Events") needed.add("by_time");
      const policies = Object.entries(template.findResources("AWS::IAM::Policy"));
      const [, policy] = policies.find(([id]) => id.includes(`Functions${name}Role`)) ?? [];
      const granted = JSON.stringify(policy).matchAll(
        /Events[0-9A-F]{8}","Arn"\]\},"\/index\/(\w+)"/g,
      );
      expect(new Set([...granted].map(([, index]) => index))).toEqual(needed);
    },
  );

  it("have only the permissions in the snapshot", () => {
    // Managed policies wouldn't appear in the snapshot.
    const roles = Object.entries(template.findResources("AWS::IAM::Role")).filter(([id]) =>
      id.includes("Functions"),
    );
    expect(roles.length).toBeGreaterThan(10);
    for (const [, role] of roles) expect(role.Properties).not.toHaveProperty("ManagedPolicyArns");
    const policies = template.findResources("AWS::IAM::Policy");
    const allowed = Object.fromEntries(
      Object.entries(policies).map(([id, policy]) => {
        const name = /Functions(\w+?)Role/.exec(id)?.[1] ?? id;
        const statements: Statement[] = policy.Properties.PolicyDocument.Statement;
        const actions = statements.flatMap(({ Action, Resource }) => {
          const resource = JSON.stringify(Resource);
          const everything = Resource === "*";
          return [Action].flat().map((action) => {
            return `${action}${everything ? " *" : ""} ${resourceNames(resource)}`.trim();
          });
        });
        return [name, actions.sort()];
      }),
    );
    expect(allowed).toMatchSnapshot();
    const starred = Object.values(allowed)
      .flat()
      .filter((action) => action.includes(" *"));
    expect(new Set(starred)).toEqual(
      new Set(["xray:PutTelemetryRecords *", "xray:PutTraceSegments *"]),
    );
  });
});

describe("alarms and schedules", () => {
  it("runs the cleanup hourly and raises an alarm when it doesn't run", () => {
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(1 hour)" });
    template.hasResourceProperties("AWS::Events::Rule", { ScheduleExpression: "rate(5 minutes)" });
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      MetricName: "Invocations",
      Period: 7200,
      TreatMissingData: "breaching",
    });
    template.allResourcesProperties("AWS::CloudWatch::Alarm", { AlarmActions: Match.anyValue() });
  });
});
