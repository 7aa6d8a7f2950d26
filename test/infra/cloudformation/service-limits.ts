import { getIntrinsic, getText, isObject, type Report, type Resource } from "./template-shape.ts";

/**
 * Service limits beyond types: lengths, ranges and patterns from the AWS documentation. The schemas
 * in the npm package don't contain them.
 */
type Rule = (value: unknown) => string | undefined;

const range =
  (min: number, max: number): Rule =>
  (value) =>
    Number(value) >= min && Number(value) <= max
      ? undefined
      : `${value} is not within ${min} to ${max}`;

const atMost =
  (characters: number): Rule =>
  (value) => {
    const { length } = getText(value);
    return length <= characters ? undefined : `has ${length} characters, more than ${characters}`;
  };

const matching =
  (pattern: RegExp): Rule =>
  (value) =>
    pattern.test(getText(value)) ? undefined : `${getText(value)} does not match ${pattern}`;

const both =
  (...rules: readonly Rule[]): Rule =>
  (value) =>
    rules.map((rule) => rule(value)).find((error) => error !== undefined);

const members =
  (max: number): Rule =>
  (value) =>
    (value as unknown[]).length <= max ? undefined : `has more than ${max} members`;

const each =
  (rule: Rule): Rule =>
  (value) =>
    (Array.isArray(value) ? value : Object.values(value as object))
      .map(rule)
      .find((error) => error !== undefined);

/** Gateway response headers are mapping expressions. */
const mappingExpression = matching(
  /^('[\x20-\x7e]*'|(method\.request\.(header|path|querystring)|context|stageVariables)\.[A-Za-z0-9._$-]+)$/,
);

/** https://docs.aws.amazon.com/apigateway/latest/api/API_GatewayResponse.html */
const RESPONSE_TYPE =
  /^(DEFAULT_4XX|DEFAULT_5XX|RESOURCE_NOT_FOUND|UNAUTHORIZED|INVALID_API_KEY|ACCESS_DENIED|AUTHORIZER_FAILURE|AUTHORIZER_CONFIGURATION_ERROR|INVALID_SIGNATURE|EXPIRED_TOKEN|MISSING_AUTHENTICATION_TOKEN|INTEGRATION_FAILURE|INTEGRATION_TIMEOUT|API_CONFIGURATION_ERROR|UNSUPPORTED_MEDIA_TYPE|BAD_REQUEST_PARAMETERS|BAD_REQUEST_BODY|REQUEST_TOO_LARGE|THROTTLED|QUOTA_EXCEEDED|WAF_FILTERED)$/;

/** Lambda limits the total size of a function's environment variables. */
const environment: Rule = (value) => {
  const bytes = Buffer.byteLength(
    Object.entries(value as Record<string, unknown>)
      .map(([name, text]) => name + getText(text))
      .join(""),
  );
  return bytes <= 4096 ? undefined : `has ${bytes} bytes, more than 4096`;
};

/** Rules by resource type and property path. */
const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  "AWS::ApiGateway::Authorizer": {
    Name: atMost(128),
    AuthorizerResultTtlInSeconds: range(0, 3600),
  },
  "AWS::ApiGateway::GatewayResponse": {
    ResponseType: matching(RESPONSE_TYPE),
    StatusCode: matching(/^[1-5]\d\d$/),
    ResponseParameters: each(mappingExpression),
  },
  "AWS::ApiGateway::RestApi": { Name: atMost(255), Description: atMost(1024) },
  "AWS::ApiGateway::Resource": { PathPart: matching(/^([\w.~-]+|\{\w+\+?\})$/) },
  "AWS::ApiGateway::Stage": { StageName: both(atMost(128), matching(/^\w+$/)) },
  "AWS::CloudWatch::Alarm": {
    AlarmDescription: atMost(1024),
    AlarmName: atMost(255),
    EvaluationPeriods: range(1, 7 * 1440),
    Dimensions: members(30),
    AlarmActions: members(5),
  },
  "AWS::CloudWatch::Dashboard": { DashboardName: matching(/^[\w-]{1,255}$/) },
  "AWS::DynamoDB::Table": { GlobalSecondaryIndexes: members(20) },
  "AWS::EC2::SecurityGroup": { GroupDescription: matching(/^[\w\s.:/()#,@[\]+=&;{}!$*-]{1,255}$/) },
  "AWS::Events::Archive": {
    ArchiveName: matching(/^[\w.-]{1,48}$/),
    Description: atMost(512),
    RetentionDays: range(0, 36_500),
  },
  "AWS::Events::EventBus": { Name: matching(/^[/.\w-]{1,256}$/), Description: atMost(512) },
  "AWS::Events::Rule": {
    Name: matching(/^[.\w-]{1,64}$/),
    Description: atMost(512),
    EventPattern: atMost(4096),
    ScheduleExpression: matching(
      /^rate\((1 (minute|hour|day)|([2-9]|\d{2,}) (minutes|hours|days))\)$|^cron\(/,
    ),
    Targets: members(5),
    "Targets.*.Id": matching(/^[.\w-]{1,64}$/),
    "Targets.*.RetryPolicy.MaximumRetryAttempts": range(0, 185),
    "Targets.*.RetryPolicy.MaximumEventAgeInSeconds": range(60, 86_400),
  },
  "AWS::IAM::Policy": {
    PolicyName: matching(/^[\w+=,.@-]{1,128}$/),
    PolicyDocument: atMost(10_240),
  },
  "AWS::IAM::Role": {
    RoleName: matching(/^[\w+=,.@-]{1,64}$/),
    AssumeRolePolicyDocument: atMost(2048),
  },
  "AWS::KinesisFirehose::DeliveryStream": {
    "ExtendedS3DestinationConfiguration.BufferingHints.IntervalInSeconds": range(0, 900),
    // Dynamic partitioning requires at least 64 MB.
    "ExtendedS3DestinationConfiguration.BufferingHints.SizeInMBs": range(64, 128),
    "ExtendedS3DestinationConfiguration.Prefix": atMost(1024),
    "ExtendedS3DestinationConfiguration.ErrorOutputPrefix": atMost(1024),
  },
  "AWS::KMS::Key": { Description: atMost(8192), KeyPolicy: atMost(32_768) },
  "AWS::Lambda::Alias": {
    Name: matching(/^(?!\d+$)[\w-]{1,128}$/),
    Description: atMost(256),
  },
  "AWS::Lambda::EventInvokeConfig": {
    MaximumRetryAttempts: range(0, 2),
    MaximumEventAgeInSeconds: range(60, 21_600),
  },
  "AWS::Lambda::EventSourceMapping": {
    BatchSize: range(1, 10_000),
    MaximumBatchingWindowInSeconds: range(0, 300),
    "ScalingConfig.MaximumConcurrency": range(2, 1000),
  },
  "AWS::Lambda::Function": {
    FunctionName: matching(/^[\w-]{1,64}$/),
    Description: atMost(256),
    Handler: atMost(128),
    MemorySize: range(128, 10_240),
    Timeout: range(1, 900),
    "Environment.Variables": environment,
    "VpcConfig.SubnetIds": members(16),
    "VpcConfig.SecurityGroupIds": members(5),
  },
  "AWS::Logs::LogGroup": { LogGroupName: matching(/^[.\-_/#\w]{1,512}$/) },
  "AWS::SNS::Topic": { TopicName: matching(/^[\w-]{1,256}$/), DisplayName: atMost(100) },
  "AWS::SQS::Queue": {
    QueueName: matching(/^[\w-]{1,80}$/),
    VisibilityTimeout: range(0, 43_200),
    MessageRetentionPeriod: range(60, 1_209_600),
    "RedrivePolicy.maxReceiveCount": range(1, 1000),
  },
  "AWS::WAFv2::WebACL": {
    Description: matching(/^[\w+=:#@/,.-][\w+=:#@/\-,.\s]+[\w+=:#@/,.-]$/),
    "VisibilityConfig.MetricName": matching(/^[\w#:./-]{1,255}$/),
    "Rules.*.Name": matching(/^[\w-]{1,128}$/),
    "Rules.*.Statement.RateBasedStatement.Limit": range(10, 2_000_000_000),
  },
};

/** Returns the values at a path. `*` matches every member. */
function valuesAt(value: unknown, [first, ...rest]: readonly string[]): unknown[] {
  if (first === undefined) return value === undefined ? [] : [value];
  if (first === "*")
    return (value as unknown[] | undefined)?.flatMap((each) => valuesAt(each, rest)) ?? [];
  return isObject(value) && !getIntrinsic(value) ? valuesAt(value[first], rest) : [];
}

/** Checks that a table defines exactly the attributes that its keys and indexes use. */
function checkTable(id: string, table: Readonly<Record<string, unknown>>, report: Report): void {
  // The schema check reports values that aren't lists.
  const named = (list: unknown) =>
    (Array.isArray(list) ? (list as { AttributeName: string }[]) : []).map(
      ({ AttributeName }) => AttributeName,
    );
  const indexes = (table.GlobalSecondaryIndexes ?? []) as { KeySchema: unknown }[];
  const keys = new Set([table, ...indexes].flatMap(({ KeySchema }) => named(KeySchema)));
  const defined = new Set(named(table.AttributeDefinitions));
  for (const key of keys) if (!defined.has(key)) report(id, `the key ${key} is not defined`);
  for (const name of defined) if (!keys.has(name)) report(id, `no key uses ${name}`);
}

/** Checks resources against the service limits. */
export function checkLimits(resources: Readonly<Record<string, Resource>>, report: Report): void {
  const responses = new Map<string, string>();
  for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
    for (const [path, rule] of Object.entries(RULES[Type] ?? {})) {
      for (const value of valuesAt(Properties, path.split("."))) {
        const error = getIntrinsic(value) ? undefined : rule(value);
        if (error) report(`${id}.${path}`, error);
      }
    }
    if (Type === "AWS::DynamoDB::Table") checkTable(id, Properties, report);
    if (Type === "AWS::CloudWatch::Alarm") {
      const metrics = valuesAt(Properties, ["Metrics", "*", "MetricStat"]);
      if (metrics.length > 10) report(id, `watches ${metrics.length} metrics, more than 10`);
    }
    if (Type === "AWS::ApiGateway::GatewayResponse") {
      const one = JSON.stringify([Properties.RestApiId, Properties.ResponseType]);
      const other = responses.get(one);
      if (other) report(id, `has the same type and API as ${other}`);
      responses.set(one, id);
    }
  }
}
