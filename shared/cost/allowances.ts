/**
 * Assumptions of the cost model that don't come from running code: durations, which depend on the region, and bytes
 * that Lambda and the logs add. Tests check those that can be counted.
 */

/** Durations of an authorizer invocation in milliseconds. Durations of AWS services are estimates, not measurements. */
export const AUTHORIZER_MS = {
  /** Round trip to DynamoDB. */
  decision: 5,
  /** PutEvents, which runs after the response but is billed. */
  publish: 15,
  /** CPU time of the handler at 1 GB. `npm run bench -- authorizer` measures 2.4 ms on a full processor. */
  cpu: 5,
} as const;

/** Durations of a subscriber invocation in milliseconds. */
export const SUBSCRIBER_MS = {
  /** Parsing, logging and compressing one event at 1 GB. */
  event: 0.5,
  /** Round trip of a transaction with up to 100 items. */
  transaction: 25,
  /** Any other round trip. */
  roundTrip: 5,
} as const;

/** Memory of both functions in GB. */
export const FUNCTION_GB = 1;

/**
 * Logged bytes, including those that CloudWatch adds. The bill's test compares them with real logs. Lambda's own
 * lines (START, END, REPORT) are switched off.
 */
export const LOG_BYTES = {
  /** A line of metrics without its values. */
  metricsLine: 480,
  /** Metric values of an allowed call. */
  letIn: 8,
  /** Log line and metrics of a denied call. */
  refused: 1060,
  /** Metrics of a batch. */
  batch: 900,
  /** Lag metric of each event in the batch. */
  event: 6,
} as const;

/** Limits of the allowed calls whose metrics share a log line. */
export const CALLS_A_METRICS_LINE = { seconds: 5, most: 100 } as const;

/** Bytes that EventBridge adds to an event's detail in a message. */
export const BUS_ENVELOPE_BYTES = 280;

/** Maximum messages of a ReceiveMessage or DeleteMessageBatch request. */
export const MESSAGES_A_REQUEST = 10;

/** Duration of a ReceiveMessage request in milliseconds. Messages that arrive more slowly need a request each. */
export const RECEIVE_MS = 10;

/**
 * Pollers of an event source. Lambda starts with five and adds more only while messages wait. On a quiet queue it
 * goes down to two, but not if the mapping has a maximum concurrency, as the buffer's does.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export const POLLERS = 5;

/** Seconds that a poller waits for a message. */
export const IDLE_POLL_SECONDS = 20;

/** Pairs of function and table in constant use: authorizer 1, subscriber 4, detection 4. */
export const BUSY_TABLE_USERS = 9;

/** Usage of a scheduled run that finds nothing. `npm run bench -- cost` counts such runs. */
export const DETECTION_RUN = { readUnits: 50, writeUnits: 2, seconds: 1.5 } as const;
export const CLEANUP_RUN = { readUnits: 5, writeUnits: 4, seconds: 1 } as const;

/** Metrics that alarms watch. `test/infra/alarms.test.ts` counts them in the template. */
export const ALARM_METRICS = 130;

/** Further metrics that the alarms of the OCSF export watch. */
export const EXPORT_ALARM_METRICS = 6;

/** API Gateway access log: bytes per line, and its compression ratio in S3. */
export const ACCESS_LOG = { lineBytes: 420, compressedTo: 0.15 } as const;

/** Firehose rounds each record up to this many bytes. */
export const FIREHOSE_RECORD_BYTES = 5 * 1024;
