/**
 * What the model takes from elsewhere than the code that runs: durations, which depend on the region,
 * and bytes that Lambda and the functions' log add. Where a count says better, a test holds them to it.
 */

/** Milliseconds of the authorizer's invocation. Durations are AWS's as believed, not measured. */
export const AUTHORIZER_MS = {
  /** One round trip to DynamoDB. */
  decision: 5,
  /** PutEvents, after the answer, which is billed too. */
  publish: 15,
  /** The handler's CPU time at 1 GB; `npm run bench -- authorizer` measures 2.4 ms on a whole processor. */
  cpu: 5,
} as const;

/** Milliseconds of the subscriber's invocation. */
export const SUBSCRIBER_MS = {
  /** Parsing, logging and packing, for each event at 1 GB. */
  event: 0.5,
  /** A round trip with a transaction of up to a hundred items. */
  transaction: 25,
  /** Any other round trip. */
  roundTrip: 5,
} as const;

/** Memory of both functions, GB. */
export const FUNCTION_GB = 1;

/**
 * Bytes that the functions log, CloudWatch's own included; the bill's test holds them to what is logged.
 * Lambda's own lines (START, END, REPORT) are switched off.
 */
export const LOG_BYTES = {
  /** A line of metrics, without its values. */
  metricsLine: 480,
  /** The values of a call that is let in. */
  letIn: 8,
  /** The line and the metrics of a call that is refused. */
  refused: 1060,
  /** The metrics of a batch. */
  batch: 900,
  /** Of each event in it: its lag. */
  event: 6,
} as const;

/** Calls let in whose metrics are in one line: those of five seconds, a hundred at the most. */
export const CALLS_A_METRICS_LINE = { seconds: 5, most: 100 } as const;

/** Bytes that EventBridge puts around an event's detail in a message. */
export const BUS_ENVELOPE_BYTES = 280;

/** Messages that one ReceiveMessage brings at the most, and that one DeleteMessageBatch takes. */
export const MESSAGES_A_REQUEST = 10;

/** How long a ReceiveMessage takes: of messages that come slower, each has its own. */
export const RECEIVE_MS = 10;

/**
 * Pollers of an event source. Lambda starts with five, and adds more only while messages wait. It goes down to two on
 * a quiet queue, but not where the mapping has a maximum concurrency, as the buffer's does.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export const POLLERS = 5;

/** How long a poller waits for a message before it asks again. */
export const IDLE_POLL_SECONDS = 20;

/** Tables that functions use all the time: the authorizer 1, the subscriber 4, the detection 4. */
export const BUSY_TABLE_USERS = 9;

/** What runs by the clock, a run, when it finds nothing: `npm run bench -- cost` counts runs that do. */
export const DETECTION_RUN = { readUnits: 50, writeUnits: 2, seconds: 1.5 } as const;
export const CLEANUP_RUN = { readUnits: 5, writeUnits: 4, seconds: 1 } as const;

/** Metrics that the alarms look at; `test/infra/alarms.test.ts` counts them in the template. */
export const ALARM_METRICS = 130;

/** Those that the alarms of the OCSF export look at as well. */
export const EXPORT_ALARM_METRICS = 6;

/** A line of API Gateway's access log, bytes, and by how much it is compressed in S3. */
export const ACCESS_LOG = { lineBytes: 420, compressedTo: 0.15 } as const;

/** Firehose rounds each record up to this, bytes. */
export const FIREHOSE_RECORD_BYTES = 5 * 1024;
