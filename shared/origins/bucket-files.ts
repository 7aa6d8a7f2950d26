import { GetObjectCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { giveUpAfter } from "../sdk/request-timeouts.ts";
import type { FetchedFile, FileStore } from "./database-files.ts";

/** The largest file that is loaded: the largest free database of cities has half of it. */
export const MOST_FILE_BYTES = 128 * 1024 * 1024;

/** How long one file may take, all attempts together. */
const FETCH_MS = 8000;

const nameOf = (error: unknown) => (error instanceof Error ? error.name : "");

/** The HTTP status of a response of 304, which the SDK throws. */
const isUnchanged = (error: unknown) =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 304;

/** Reads a stream of a known length into one buffer, so that it is in memory once. */
async function readAll(body: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length > length) throw new RangeError("the object is longer than it says");
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw new RangeError(`the object was cut after ${at} of ${length} bytes`);
  return bytes;
}

/**
 * The files of a bucket. It needs `s3:GetObject`, and `s3:ListBucket` to tell what is missing from what is refused.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function bucketFiles(bucket: string, config: S3ClientConfig = {}): FileStore {
  const s3 = new S3Client({ requestHandler: giveUpAfter(FETCH_MS), maxAttempts: 3, ...config });
  return {
    async fetch(name, etag): Promise<FetchedFile> {
      try {
        const abortSignal = AbortSignal.timeout(FETCH_MS);
        const found = await s3.send(
          new GetObjectCommand({
            Bucket: bucket,
            Key: name,
            ...(etag !== undefined && { IfNoneMatch: etag }),
          }),
          { abortSignal },
        );
        const { Body, ContentLength = 0, ETag = "" } = found;
        const body = Body as (AsyncIterable<Uint8Array> & { destroy?(): void }) | undefined;
        if (ContentLength > MOST_FILE_BYTES) {
          body?.destroy?.();
          throw new RangeError(
            `the object has ${ContentLength} bytes, more than ${MOST_FILE_BYTES}`,
          );
        }
        return {
          state: "found",
          bytes: await readAll(body ?? (async function* () {})(), ContentLength),
          etag: ETag,
        };
      } catch (error) {
        if (isUnchanged(error)) return { state: "unchanged" };
        if (nameOf(error) === "NoSuchKey" || nameOf(error) === "NotFound") {
          return { state: "missing" };
        }
        throw error;
      }
    },
  };
}
