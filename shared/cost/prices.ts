/** The price of one metered unit. */
export interface Price {
  /** US dollars per `per` units. */
  readonly dollars: number;
  readonly per: number;
  /** The metered unit and how AWS rounds it. */
  readonly unit: string;
  /** AWS pricing page. */
  readonly source: string;
  /** Whether public sources confirmed the price on `PRICES_DATE`. Otherwise the price is an estimate. */
  readonly confirmed: boolean;
}

/** Date on which the prices were checked. */
export const PRICES_DATE = "2026-11-25";

/** Region that the prices apply to. All are list prices, without free tiers, volume discounts or tax. */
export const PRICES_REGION = "us-east-1";

const MILLION = 1_000_000;

const DYNAMODB_ON_DEMAND = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const DYNAMODB_PROVISIONED = "https://aws.amazon.com/dynamodb/pricing/provisioned/";
const EVENTBRIDGE = "https://aws.amazon.com/eventbridge/pricing/";
const SQS = "https://aws.amazon.com/sqs/pricing/";
const LAMBDA = "https://aws.amazon.com/lambda/pricing/";
const CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/";
const KMS = "https://aws.amazon.com/kms/pricing/";

/** List prices in us-east-1, by metered unit. */
export const PRICES = {
  "dynamodb.write": {
    dollars: 0.625,
    per: MILLION,
    unit: "write request units: one per started KB of the larger of the item before and after, doubled in a transaction; the same per index entry, never doubled",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.read": {
    dollars: 0.125,
    per: MILLION,
    unit: "read request units: one per started 4 KB, half if eventually consistent",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.ia-write": {
    dollars: 0.78,
    per: MILLION,
    unit: "write request units, Standard-IA",
    source: DYNAMODB_ON_DEMAND,
    confirmed: false,
  },
  "dynamodb.ia-read": {
    dollars: 0.155,
    per: MILLION,
    unit: "read request units, Standard-IA",
    source: DYNAMODB_ON_DEMAND,
    confirmed: false,
  },
  "dynamodb.write-capacity": {
    dollars: 0.00065,
    per: 1,
    unit: "hours of a provisioned write unit (one write unit per second)",
    source: DYNAMODB_PROVISIONED,
    confirmed: true,
  },
  "dynamodb.read-capacity": {
    dollars: 0.00013,
    per: 1,
    unit: "hours of a provisioned read unit (one read unit per second)",
    source: DYNAMODB_PROVISIONED,
    confirmed: false,
  },
  "dynamodb.storage": {
    dollars: 0.25,
    per: 1,
    unit: "GB-months of items and index entries, plus 100 bytes each",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.ia-storage": {
    dollars: 0.1,
    per: 1,
    unit: "GB-months, Standard-IA",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.recovery": {
    dollars: 0.2,
    per: 1,
    unit: "GB-months of tables with point-in-time recovery, without global indexes",
    source: DYNAMODB_ON_DEMAND,
    confirmed: false,
  },
  "eventbridge.event": {
    dollars: 1,
    per: MILLION,
    unit: "published custom events, one per started 64 KB",
    source: EVENTBRIDGE,
    confirmed: true,
  },
  "eventbridge.archive": {
    dollars: 0.1,
    per: 1,
    unit: "archived GB",
    source: EVENTBRIDGE,
    confirmed: true,
  },
  "eventbridge.archive-storage": {
    dollars: 0.023,
    per: 1,
    unit: "GB-months in the archive",
    source: EVENTBRIDGE,
    confirmed: true,
  },
  "sqs.request": {
    dollars: 0.4,
    per: MILLION,
    unit: "requests, one per started 64 KB; each carries up to ten messages; empty receives count",
    source: SQS,
    confirmed: true,
  },
  "lambda.request": {
    dollars: 0.2,
    per: MILLION,
    unit: "invocations",
    source: LAMBDA,
    confirmed: true,
  },
  "lambda.duration": {
    dollars: 0.0000133334,
    per: 1,
    unit: "GB-seconds on arm64, rounded up to milliseconds, including extensions after the response",
    source: LAMBDA,
    confirmed: true,
  },
  "cloudwatch.logs": {
    dollars: 0.5,
    per: 1,
    unit: "ingested GB of log events, plus 26 bytes each",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "cloudwatch.metric": {
    dollars: 0.3,
    per: 1,
    unit: "months of a custom metric",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "cloudwatch.alarm": {
    dollars: 0.1,
    per: 1,
    unit: "months of a metric in an alarm",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "cloudwatch.dashboard": {
    dollars: 3,
    per: 1,
    unit: "months of a dashboard",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "kms.request": {
    dollars: 0.03,
    per: 10_000,
    unit: "requests",
    source: KMS,
    confirmed: false,
  },
  "kms.key": {
    dollars: 1,
    per: 1,
    unit: "months of a customer managed key; each of the first two rotations adds 1 $",
    source: KMS,
    confirmed: false,
  },
  "apigateway.request": {
    dollars: 3.5,
    per: MILLION,
    unit: "REST API calls, first 333 million per month",
    source: "https://aws.amazon.com/api-gateway/pricing/",
    confirmed: true,
  },
  "firehose.record": {
    dollars: 0.029,
    per: 1,
    unit: "ingested GB, each record rounded up to 5 KB",
    source: "https://aws.amazon.com/firehose/pricing/",
    confirmed: false,
  },
  "s3.storage": {
    dollars: 0.023,
    per: 1,
    unit: "GB-months, Standard",
    source: "https://aws.amazon.com/s3/pricing/",
    confirmed: false,
  },
} as const satisfies Record<string, Price>;

/** Name of a metered unit. */
export type PriceName = keyof typeof PRICES;

/** Returns the cost of a metered quantity in US dollars. */
export function dollarsOf(name: PriceName, quantity: number): number {
  const { dollars, per } = PRICES[name];
  return (quantity / per) * dollars;
}
