/** What AWS asks for one thing that it meters. */
export interface Price {
  /** US dollars for `per` units. */
  readonly dollars: number;
  readonly per: number;
  /** What is counted, and how it is rounded. */
  readonly unit: string;
  /** The AWS page that says so. */
  readonly source: string;
  /** Whether public sources bore it out when it was looked up; if not, it is believed. */
  readonly confirmed: boolean;
}

/** When the prices were looked up. */
export const PRICES_DATE = "2026-11-25";

/** List prices without free tiers, volume discounts and tax. */
export const PRICES_REGION = "us-east-1";

const MILLION = 1_000_000;

const DYNAMODB_ON_DEMAND = "https://aws.amazon.com/dynamodb/pricing/on-demand/";
const DYNAMODB_PROVISIONED = "https://aws.amazon.com/dynamodb/pricing/provisioned/";
const EVENTBRIDGE = "https://aws.amazon.com/eventbridge/pricing/";
const SQS = "https://aws.amazon.com/sqs/pricing/";
const LAMBDA = "https://aws.amazon.com/lambda/pricing/";
const CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/";
const KMS = "https://aws.amazon.com/kms/pricing/";

/** List prices of us-east-1, by what is metered. */
export const PRICES = {
  "dynamodb.write": {
    dollars: 0.625,
    per: MILLION,
    unit: "write request units: one for each KB begun of the larger of the item before and after, twice in a transaction; each index entry likewise, once",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.read": {
    dollars: 0.125,
    per: MILLION,
    unit: "read request units: one for each 4 KB begun, half where eventually consistent",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.ia-write": {
    dollars: 0.78,
    per: MILLION,
    unit: "write request units of class Standard-IA",
    source: DYNAMODB_ON_DEMAND,
    confirmed: false,
  },
  "dynamodb.ia-read": {
    dollars: 0.155,
    per: MILLION,
    unit: "read request units of class Standard-IA",
    source: DYNAMODB_ON_DEMAND,
    confirmed: false,
  },
  "dynamodb.write-capacity": {
    dollars: 0.00065,
    per: 1,
    unit: "provisioned write units and hours; a unit is one write unit a second",
    source: DYNAMODB_PROVISIONED,
    confirmed: true,
  },
  "dynamodb.read-capacity": {
    dollars: 0.00013,
    per: 1,
    unit: "provisioned read units and hours; a unit is one read unit a second",
    source: DYNAMODB_PROVISIONED,
    confirmed: false,
  },
  "dynamodb.storage": {
    dollars: 0.25,
    per: 1,
    unit: "GB and month; items and index entries, 100 bytes more for each",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.ia-storage": {
    dollars: 0.1,
    per: 1,
    unit: "GB and month of class Standard-IA",
    source: DYNAMODB_ON_DEMAND,
    confirmed: true,
  },
  "dynamodb.recovery": {
    dollars: 0.2,
    per: 1,
    unit: "GB and month of tables with point-in-time recovery, without their global indexes",
    source: DYNAMODB_ON_DEMAND,
    confirmed: false,
  },
  "eventbridge.event": {
    dollars: 1,
    per: MILLION,
    unit: "custom events published, for each 64 KB begun",
    source: EVENTBRIDGE,
    confirmed: true,
  },
  "eventbridge.archive": {
    dollars: 0.1,
    per: 1,
    unit: "GB taken into the archive",
    source: EVENTBRIDGE,
    confirmed: true,
  },
  "eventbridge.archive-storage": {
    dollars: 0.023,
    per: 1,
    unit: "GB and month in the archive",
    source: EVENTBRIDGE,
    confirmed: true,
  },
  "sqs.request": {
    dollars: 0.4,
    per: MILLION,
    unit: "requests, for each 64 KB begun; a request may carry ten messages, and may find none",
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
    unit: "GB-seconds on arm64, by whole milliseconds, an extension's work after the answer included",
    source: LAMBDA,
    confirmed: true,
  },
  "cloudwatch.logs": {
    dollars: 0.5,
    per: 1,
    unit: "GB of log events taken in, 26 bytes more for each",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "cloudwatch.metric": {
    dollars: 0.3,
    per: 1,
    unit: "metrics of one's own and months",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "cloudwatch.alarm": {
    dollars: 0.1,
    per: 1,
    unit: "metrics that alarms look at and months",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "cloudwatch.dashboard": {
    dollars: 3,
    per: 1,
    unit: "dashboards and months",
    source: CLOUDWATCH,
    confirmed: true,
  },
  "kms.request": {
    dollars: 0.03,
    per: 10_000,
    unit: "requests for keys",
    source: KMS,
    confirmed: false,
  },
  "kms.key": {
    dollars: 1,
    per: 1,
    unit: "customer managed keys and months; the first two rotations add 1 $ each",
    source: KMS,
    confirmed: false,
  },
  "apigateway.request": {
    dollars: 3.5,
    per: MILLION,
    unit: "calls of a REST API, the first 333 million a month",
    source: "https://aws.amazon.com/api-gateway/pricing/",
    confirmed: true,
  },
  "firehose.record": {
    dollars: 0.029,
    per: 1,
    unit: "GB taken in, each record rounded up to 5 KB",
    source: "https://aws.amazon.com/firehose/pricing/",
    confirmed: false,
  },
  "s3.storage": {
    dollars: 0.023,
    per: 1,
    unit: "GB and month, Standard",
    source: "https://aws.amazon.com/s3/pricing/",
    confirmed: false,
  },
} as const satisfies Record<string, Price>;

/** Something that AWS meters. */
export type PriceName = keyof typeof PRICES;

/** Dollars for a quantity of what is metered. */
export function dollarsOf(name: PriceName, quantity: number): number {
  const { dollars, per } = PRICES[name];
  return (quantity / per) * dollars;
}
