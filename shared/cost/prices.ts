/** List price of a metered unit. */
export interface Price {
  /** US dollars per `per` units. */
  readonly dollars: number;
  readonly per: number;
  /** The metered unit. */
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
const ON_DEMAND = "dynamodb/pricing/on-demand";
const PROVISIONED = "dynamodb/pricing/provisioned";

const price = (dollars: number, per: number, unit: string, page: string, confirmed = true) => ({
  dollars,
  per,
  unit,
  source: `https://aws.amazon.com/${page}/`,
  confirmed,
});

/** List prices in us-east-1, by metered unit. */
export const PRICES = {
  "dynamodb.write": price(0.625, MILLION, "write request units", ON_DEMAND),
  "dynamodb.read": price(0.125, MILLION, "read request units", ON_DEMAND),
  "dynamodb.ia-write": price(0.78, MILLION, "write units, Standard-IA", ON_DEMAND, false),
  "dynamodb.ia-read": price(0.155, MILLION, "read units, Standard-IA", ON_DEMAND, false),
  "dynamodb.write-capacity": price(0.00065, 1, "write unit hours", PROVISIONED),
  "dynamodb.read-capacity": price(0.00013, 1, "read unit hours", PROVISIONED, false),
  "dynamodb.storage": price(0.25, 1, "GB-months", ON_DEMAND),
  "dynamodb.ia-storage": price(0.1, 1, "GB-months, Standard-IA", ON_DEMAND),
  "dynamodb.recovery": price(0.2, 1, "GB-months, no indexes", ON_DEMAND, false),
  "eventbridge.event": price(1, MILLION, "events of up to 64 KB", "eventbridge/pricing"),
  "eventbridge.archive": price(0.1, 1, "archived GB", "eventbridge/pricing"),
  "eventbridge.archive-storage": price(0.023, 1, "GB-months", "eventbridge/pricing"),
  "sqs.request": price(0.4, MILLION, "requests of up to 64 KB", "sqs/pricing"),
  "lambda.request": price(0.2, MILLION, "invocations", "lambda/pricing"),
  "lambda.duration": price(0.0000133334, 1, "GB-seconds on arm64", "lambda/pricing"),
  "cloudwatch.logs": price(0.5, 1, "ingested GB", "cloudwatch/pricing"),
  "cloudwatch.metric": price(0.3, 1, "custom metrics, per month", "cloudwatch/pricing"),
  "cloudwatch.alarm": price(0.1, 1, "alarm metrics, per month", "cloudwatch/pricing"),
  "cloudwatch.dashboard": price(3, 1, "dashboards, per month", "cloudwatch/pricing"),
  "kms.request": price(0.03, 10_000, "requests", "kms/pricing", false),
  "kms.key": price(1, 1, "keys, per month", "kms/pricing", false),
  "apigateway.request": price(3.5, MILLION, "REST API calls", "api-gateway/pricing"),
  "firehose.record": price(0.029, 1, "GB, in steps of 5 KB per record", "firehose/pricing", false),
  "s3.storage": price(0.023, 1, "GB-months", "s3/pricing", false),
} as const satisfies Record<string, Price>;

/** Name of a metered unit. */
export type PriceName = keyof typeof PRICES;

/** Returns the cost of a metered quantity in US dollars. */
export function toDollars(name: PriceName, quantity: number): number {
  const { dollars, per } = PRICES[name];
  return (quantity / per) * dollars;
}
