/**
 * Assumptions of the cost model that don't come from running code: durations, which depend on the region, and bytes
 * that Lambda and the logs add. Tests check the values that can be counted.
 */

/**
 * Durations during an authorizer invocation, in milliseconds. Durations of AWS calls are estimates, not measurements.
 */
export const AUTHORIZER_MS = {
  /** Round trip to DynamoDB. */
  decision: 5,
  /** PutEvents call. Runs after the response but is billed. */
  publish: 15,
  /** CPU time of the handler at 1 GB. `npm run bench -- authorizer` measures 2.4 ms on a full CPU. */
  cpu: 5,
} as const;

/** Durations during a subscriber invocation, in milliseconds. */
export const SUBSCRIBER_MS = {
  /** Time to parse, log and compress one event at 1 GB. */
  event: 0.5,
  /** Round trip for a transaction with up to 100 items. */
  transaction: 25,
  /** Any other round trip. */
  roundTrip: 5,
} as const;

/** Memory of the authorizer and of the subscriber, in GB. */
export const FUNCTION_GB = 1;

/**
 * Logged bytes, including bytes that CloudWatch adds. The test for the bill compares these with real logs. Lambda's own
 * log lines (START, END, REPORT) are switched off.
 */
export const LOG_BYTES = {
  /** A metrics line without the values. */
  metricsLine: 480,
  /** Metric values for an allowed call. */
  letIn: 8,
  /** Log line and metrics for a denied call. */
  refused: 1060,
  /** Metrics for a batch. */
  batch: 900,
  /** Lag metric for each event in the batch. */
  event: 6,
} as const;

/** Metrics of allowed calls share one log line until either limit is reached: seconds, or number of calls. */
export const CALLS_A_METRICS_LINE = { seconds: 5, most: 100 } as const;

/** Bytes that EventBridge adds to the event detail in each message. */
export const BUS_ENVELOPE_BYTES = 280;

/** Maximum messages per ReceiveMessage or DeleteMessageBatch request. */
export const MESSAGES_A_REQUEST = 10;

/**
 * Duration of a ReceiveMessage request in milliseconds. If messages arrive more slowly than this, each needs a
 * separate request.
 */
export const RECEIVE_MS = 10;

/**
 * Pollers per event source. Lambda starts with five and adds more only while messages wait. If the queue is quiet,
 * Lambda reduces the pollers to two, unless the mapping has a maximum concurrency, as the buffer's mapping does.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export const POLLERS = 5;

/** Seconds that a poller waits for a message (long polling). */
export const IDLE_POLL_SECONDS = 20;

/** Number of function and table pairs in constant use: authorizer 1, subscriber 4, detection 4. */
export const BUSY_TABLE_USERS = 9;

/** Usage by one scheduled run that finds nothing. `npm run bench -- cost` measures such runs. */
export const DETECTION_RUN = { readUnits: 50, writeUnits: 2, seconds: 1.5 } as const;
export const CLEANUP_RUN = { readUnits: 5, writeUnits: 4, seconds: 1 } as const;

/** Number of metrics that alarms watch. `test/infra/alarms.test.ts` counts them in the template. */
export const ALARM_METRICS = 130;

/** Number of additional metrics that the alarms for the OCSF export watch. */
export const EXPORT_ALARM_METRICS = 6;

/** API Gateway access log: bytes per line, and the ratio to which S3 objects are compressed. */
export const ACCESS_LOG = { lineBytes: 420, compressedTo: 0.15 } as const;

/** Firehose rounds each record up to this many bytes. */
export const FIREHOSE_RECORD_BYTES = 5 * 1024;
