import { addAbortSignal, Readable } from "node:stream";
import { GetObjectCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { giveUpAfter } from "../../core/aws-calls.ts";
import type { FetchedFile, FileStore } from "./database-files.ts";
import { MAX_FILE_BYTES } from "./enrichment-database.ts";

/** Timeout for fetching one file, including retries, in milliseconds. */
const FETCH_MS = 8000;

const getName = (error: unknown) => (error instanceof Error ? error.name : "");

/** Whether the SDK threw because of a 304 response. */
const isUnchanged = (error: unknown) =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 304;

/** Reads a stream of known length directly into one buffer, so that memory never holds a second copy. */
async function readAll(body: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length > length)
      throw new RangeError("the object is longer than its Content-Length");
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw new RangeError(`the object was cut after ${at} of ${length} bytes`);
  return bytes;
}

/**
 * Reads files from an S3 bucket. Needs `s3:GetObject`, and `s3:ListBucket` to distinguish a missing file from a denied
 * request.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function bucketFiles(
  bucket: string,
  config: S3ClientConfig = {},
  fetchMs = FETCH_MS,
): FileStore {
  const s3 = new S3Client({ requestHandler: giveUpAfter(fetchMs), maxAttempts: 3, ...config });
  return {
    async fetch(name, etag): Promise<FetchedFile> {
      try {
        const abortSignal = AbortSignal.timeout(fetchMs);
        const found = await s3.send(
          new GetObjectCommand({
            Bucket: bucket,
            Key: name,
            ...(etag !== undefined && { IfNoneMatch: etag }),
          }),
          { abortSignal },
        );
        const { Body, ContentLength = 0, ETag = "" } = found;
        if (!(Body instanceof Readable)) throw new TypeError("S3 returned no body");
        if (ContentLength > MAX_FILE_BYTES) {
          Body.destroy();
          throw new RangeError(
            `the object has ${ContentLength} bytes, more than ${MAX_FILE_BYTES}`,
          );
        }
        const bytes = await readAll(addAbortSignal(abortSignal, Body), ContentLength);
        return { state: "found", bytes, etag: ETag };
      } catch (error) {
        if (isUnchanged(error)) return { state: "unchanged" };
        if (getName(error) === "NoSuchKey" || getName(error) === "NotFound") {
          return { state: "missing" };
        }
        throw error;
      }
    },
  };
}
