import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type {
  FirehoseTransformationEvent,
  FirehoseTransformationResult,
  FirehoseTransformationResultRecord,
} from "aws-lambda";
import { TooManyRequests } from "./lambda-environment.ts";
import type { LambdaFunctions } from "./lambda-functions.ts";
import { logicalIdOfArn, REGION, type Template } from "./template.ts";

interface Processor {
  readonly Type: string;
  readonly Parameters: readonly {
    readonly ParameterName: string;
    readonly ParameterValue: string;
  }[];
}

interface StreamProperties {
  readonly ExtendedS3DestinationConfiguration: {
    readonly BucketARN: string;
    readonly Prefix: string;
    readonly ErrorOutputPrefix: string;
    readonly FileExtension: string;
    readonly BufferingHints: { readonly IntervalInSeconds: number };
    readonly ProcessingConfiguration: { readonly Processors: readonly Processor[] };
  };
}

/** Maximum buffer interval. Firehose buffers for minutes, which is too long when you try out the stack. */
const LONGEST_WAIT_MS = 5000;

/** Maximum number of records per invocation. Firehose's own limit is 1 MB. */
const BATCH = 500;

/** How often Firehose retries a throttled function. */
const TRANSFORM_RETRIES = 3;

type Values = Readonly<Record<string, string>>;

/**
 * Evaluates the expressions in a prefix.
 * https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
 */
function fillIn(prefix: string, values: Values): string {
  return prefix.replace(/!\{([^!{}]+)\}/g, (expression, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the local stack does not support ${expression}`);
    return encodeURIComponent(value);
  });
}

/** Formats a record whose transformation failed, like Firehose does. */
function failure(rawData: string, atMs: number, lambdaArn: string, errorMessage: string): string {
  const record = {
    attemptsMade: 1,
    arrivalTimestamp: atMs,
    errorCode: "Lambda.FunctionError",
    errorMessage,
    attemptEndingTimestamp: atMs,
    rawData,
    lambdaArn,
  };
  return `${JSON.stringify(record)}\n`;
}

/**
 * A local Firehose stream. Buffers records, transforms them with the deployed function, and writes one object per
 * partition to a directory that represents the bucket.
 */
export class DeliveryStream {
  #records: string[] = [];
  #delivering: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(
    readonly name: string,
    private readonly destination: StreamProperties["ExtendedS3DestinationConfiguration"],
    private readonly functions: LambdaFunctions,
    private readonly directory: string | undefined,
    log: (line: string) => void,
  ) {
    const { IntervalInSeconds } = destination.BufferingHints;
    this.#timer = setInterval(
      () => {
        this.flush().catch((error) => log(`delivery stream ${name}: ${error}`));
      },
      Math.min(IntervalInSeconds * 1000, LONGEST_WAIT_MS),
    ).unref();
  }

  /** Buffers a record, or drops it if there is no directory. */
  send(record: string): void {
    if (this.directory !== undefined) this.#records.push(Buffer.from(record).toString("base64"));
  }

  /** Delivers the buffered records. */
  flush(): Promise<void> {
    const records = this.#records;
    this.#records = [];
    const next = this.#delivering
      .catch(() => {})
      .then(async () => {
        for (let from = 0; from < records.length; from += BATCH) {
          await this.#deliver(records.slice(from, from + BATCH));
        }
      });
    this.#delivering = next;
    return next;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #deliver(data: readonly string[]): Promise<void> {
    const nowMs = Date.now();
    const timestamp = { "timestamp:yyyy-MM-dd": new Date(nowMs).toISOString().slice(0, 10) };
    const { Prefix, ErrorOutputPrefix } = this.destination;
    const failed = fillIn(ErrorOutputPrefix, {
      ...timestamp,
      "firehose:error-output-type": "processing-failed",
    });
    const lambdaArn = this.#parameter("LambdaArn");
    const objects = new Map<string, string[]>();
    const append = (prefix: string, text: string) => {
      const lines = objects.get(prefix);
      if (lines) lines.push(text);
      else objects.set(prefix, [text]);
    };
    const byId = new Map(data.map((text) => [randomUUID() as string, text]));
    const transformed = await this.#transform(lambdaArn, byId, nowMs);
    for (const [recordId, raw] of byId) {
      const record = transformed.get(recordId);
      if (record?.result === "Dropped") continue;
      if (record?.result === "Ok" && record.data !== undefined) {
        const keys = Object.entries(record.metadata?.partitionKeys ?? {}).map(([key, value]) => [
          `partitionKeyFromLambda:${key}`,
          String(value),
        ]);
        const prefix = fillIn(Prefix, { ...timestamp, ...Object.fromEntries(keys) });
        append(prefix, Buffer.from(record.data, "base64").toString("utf8"));
      } else {
        append(failed, failure(raw, nowMs, lambdaArn, "the function did not transform the record"));
      }
    }
    for (const [prefix, lines] of objects) await this.#put(prefix, lines.join(""), nowMs);
  }

  /**
   * Returns the function's result for each record ID. The map is empty if the function fails, as in Firehose after all
   * retries.
   */
  async #transform(
    lambdaArn: string,
    byId: ReadonlyMap<string, string>,
    nowMs: number,
  ): Promise<Map<string, FirehoseTransformationResultRecord>> {
    const event: FirehoseTransformationEvent = {
      invocationId: randomUUID(),
      deliveryStreamArn: `arn:aws:firehose:${REGION}:local:deliverystream/${this.name}`,
      region: REGION,
      records: [...byId].map(([recordId, data]) => ({
        recordId,
        data,
        approximateArrivalTimestamp: nowMs,
      })),
    };
    // https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
    for (let retries = 0; ; retries += 1) {
      try {
        const answer = await this.functions.invoke(logicalIdOfArn(lambdaArn), event);
        const { records } = answer as FirehoseTransformationResult;
        return new Map(records.map((record) => [record.recordId, record]));
      } catch (error) {
        if (!(error instanceof TooManyRequests) || retries === TRANSFORM_RETRIES) return new Map();
      }
    }
  }

  async #put(prefix: string, body: string, nowMs: number): Promise<void> {
    if (this.directory === undefined) return;
    const { BucketARN, FileExtension } = this.destination;
    const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/[T:]/g, "-");
    const key = `${prefix}${this.name}-1-${stamp}-${randomUUID()}${FileExtension}`;
    const file = join(this.directory, logicalIdOfArn(BucketARN), key);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, gzipSync(body));
  }

  #parameter(name: string): string {
    const processors = this.destination.ProcessingConfiguration.Processors;
    const parameter = processors
      .find(({ Type }) => Type === "Lambda")
      ?.Parameters.find(({ ParameterName }) => ParameterName === name);
    if (!parameter) throw new Error(`delivery stream ${this.name} has no ${name}`);
    return parameter.ParameterValue;
  }
}

/**
 * Creates the template's delivery streams.
 *
 * @param directory has a subdirectory for each bucket; without it, records are dropped
 */
export function createDeliveryStreams(
  template: Template,
  functions: LambdaFunctions,
  directory: string | undefined,
  log: (line: string) => void,
): ReadonlyMap<string, DeliveryStream> {
  return new Map(
    template
      .resources<StreamProperties>("AWS::KinesisFirehose::DeliveryStream")
      .map(({ logicalId, properties: { ExtendedS3DestinationConfiguration: destination } }) => [
        logicalId,
        new DeliveryStream(logicalId, destination, functions, directory, log),
      ]),
  );
}
