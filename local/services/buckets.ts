import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { type AccessPolicies, parsePrincipal } from "./access-policies.ts";
import { ServiceError } from "./service-error.ts";
import type { Template } from "./template.ts";

interface BucketObject {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** One path segment of an object key. The local stack uses keys as file paths. */
const KEY_PART = /^[A-Za-z0-9][A-Za-z0-9._=-]*$/;

/** The template's buckets by logical ID, with their objects in memory or in a directory. */
export class LocalBuckets {
  readonly #objects = new Map<string, Map<string, BucketObject>>();
  readonly #arns = new Map<string, string>();

  /** @param directory has a subdirectory for each bucket; without it, objects are in memory */
  constructor(
    template: Template,
    private readonly directory: string | undefined,
  ) {
    for (const { logicalId } of template.resources("AWS::S3::Bucket")) {
      this.#objects.set(logicalId, new Map());
      this.#arns.set(logicalId, template.arn(logicalId));
    }
  }

  /** @throws ServiceError when the bucket does not exist */
  getArn(bucket: string): string {
    const arn = this.#arns.get(bucket);
    if (arn !== undefined) return arn;
    throw new ServiceError("NoSuchBucket", `The bucket ${bucket} does not exist`, 404);
  }

  get(bucket: string, key: string): BucketObject | undefined {
    return this.#objects.get(bucket)?.get(key) ?? this.#read(bucket, key);
  }

  put(bucket: string, key: string, bytes: Buffer): BucketObject {
    const object = getObject(bytes);
    this.#objects.get(bucket)?.set(key, object);
    if (this.directory !== undefined) {
      const file = join(this.directory, bucket, key);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
    }
    return object;
  }

  /** Reads an object that a previous run stored in the directory. */
  #read(bucket: string, key: string): BucketObject | undefined {
    if (this.directory === undefined || !this.#objects.has(bucket)) return undefined;
    try {
      return getObject(readFileSync(join(this.directory, bucket, key)));
    } catch {
      return undefined;
    }
  }
}

const getObject = (bytes: Buffer): BucketObject => ({
  bytes,
  etag: `"${createHash("md5").update(bytes).digest("hex")}"`,
});

interface S3Request {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer | string;
}

/** Rejects request parameters that S3 supports and this service does not. */
function rejectOthers({ method, bucket, key, headers }: S3Request, query: URLSearchParams): void {
  const reject = (feature: string) => {
    throw new ServiceError(
      "NotImplemented",
      `The local S3 supports only GET, PUT and HEAD of whole objects by key. It does not support ${feature}.`,
      501,
    );
  };
  if (!["GET", "HEAD", "PUT"].includes(method)) reject(`the method ${method}`);
  if (bucket === "" || key === "") reject("bucket operations");
  if (!key.split("/").every((part) => KEY_PART.test(part))) reject(`keys such as ${key}`);
  const other = [...query.keys()].find((name) => name !== "x-id");
  if (other !== undefined) reject(`the parameter ${other}`);
  const unknown = ["range", "if-match", "if-modified-since", "x-amz-copy-source"];
  const header = unknown.find((name) => headers[name] !== undefined);
  if (header !== undefined) reject(`the header ${header}`);
  if (method === "PUT" && headers["if-none-match"] !== undefined) reject("conditional writes");
  if (String(headers["content-encoding"]).includes("aws-chunked")) reject("signed chunks");
}

function answerTo(
  request: S3Request,
  buckets: LocalBuckets,
  policies: AccessPolicies | undefined,
): S3Answer {
  const { method, bucket, key, headers, body } = request;
  const principal = parsePrincipal(headers.authorization);
  const arn = buckets.getArn(bucket);
  const denial = (action: string, resource: string) =>
    policies?.denial(principal, [{ action, resource }]);
  const denied = denial(method === "PUT" ? "s3:PutObject" : "s3:GetObject", `${arn}/${key}`);
  if (denied !== undefined) throw new ServiceError("AccessDenied", denied, 403);
  if (method === "PUT")
    return { status: 200, headers: { ETag: buckets.put(bucket, key, body).etag } };
  const object = buckets.get(bucket, key);
  if (!object) {
    const mayNotKnow = denial("s3:ListBucket", arn);
    if (mayNotKnow !== undefined) throw new ServiceError("AccessDenied", mayNotKnow, 403);
    throw new ServiceError("NoSuchKey", "The specified key does not exist.", 404);
  }
  const { bytes, etag } = object;
  if (headers["if-none-match"] === etag) return { status: 304, headers: { ETag: etag } };
  return {
    status: 200,
    headers: {
      ETag: etag,
      "Content-Length": bytes.length,
      "Content-Type": "application/octet-stream",
    },
    ...(method === "GET" && { body: bytes }),
  };
}

const escaped = (text: string) =>
  text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);

/**
 * Serves GET, PUT and HEAD of whole objects by bucket and key, with ETags and `If-None-Match`. Rejects anything else
 * with an explanation. As on AWS, a caller without `s3:ListBucket` gets AccessDenied for a missing object.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function createS3Endpoint(
  buckets: () => LocalBuckets,
  policies?: () => AccessPolicies,
): Server {
  const respond = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://s3");
    const [, bucket = "", ...parts] = pathname.split("/");
    const request: S3Request = {
      method: incoming.method ?? "",
      bucket,
      key: decodeURIComponent(parts.join("/")),
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    };
    try {
      rejectOthers(request, searchParams);
      const { status, headers, body } = answerTo(request, buckets(), policies?.());
      response.writeHead(status, { ...headers }).end(body);
    } catch (error) {
      const { code, status, message } =
        error instanceof ServiceError
          ? error
          : new ServiceError("InternalError", String(error), 500);
      response.writeHead(status, { "Content-Type": "application/xml" });
      const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${escaped(message)}</Message></Error>`;
      response.end(request.method === "HEAD" ? undefined : xml);
    }
  };
  return createServer((incoming, response) => {
    // The caller was killed in the middle of its request.
    respond(incoming, response).catch(() => response.destroy());
  });
}
