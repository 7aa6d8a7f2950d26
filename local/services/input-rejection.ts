import { MAX_MESSAGE_BYTES, MESSAGE_TEXT } from "./service-constraints.ts";
import { ServiceError } from "./service-error.ts";
import { findInputErrors, type InputError } from "./service-model.ts";

/**
 * Limit for all entries in a PutEvents call, in bytes. AWS raised the limit to 1 MB, but the older limit is valid in
 * every region.
 */
const MAX_PUT_EVENTS_BYTES = 256 * 1024;

type Input = Readonly<Record<string, unknown>>;
type Entry = Readonly<Record<string, unknown>>;

const getEntries = (input: Input) => input.Entries as readonly Entry[];

const getByteLength = (...texts: readonly unknown[]) =>
  texts.reduce<number>(
    (sum, text) => sum + (typeof text === "string" ? Buffer.byteLength(text) : 0),
    0,
  );

/** Returns a message's size as SQS counts it, in bytes: the body plus the attributes' names, types and values. */
function messageBytes({ MessageBody, MessageAttributes = {} }: Entry): number {
  const attributes = Object.entries(MessageAttributes as Record<string, Entry>);
  return attributes.reduce(
    (sum, [name, { DataType, StringValue }]) => sum + getByteLength(name, DataType, StringValue),
    getByteLength(MessageBody),
  );
}

/** Returns why SQS rejects a message, or undefined if it accepts it. */
export function findMessageRejection(message: Entry): ServiceError | undefined {
  const attributes = Object.values((message.MessageAttributes ?? {}) as Record<string, Entry>);
  if (message.MessageBody === "") {
    return new ServiceError(
      "MissingParameter",
      "The request must contain the parameter MessageBody.",
    );
  }
  const texts = [message.MessageBody, ...attributes.map(({ StringValue }) => StringValue ?? "")];
  if (!texts.every((text) => MESSAGE_TEXT.test(String(text)))) {
    return new ServiceError(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
  }
  if (messageBytes(message) > MAX_MESSAGE_BYTES) {
    return new ServiceError(
      "InvalidParameterValue",
      `One or more parameters are invalid. Reason: Message must be shorter than ${MAX_MESSAGE_BYTES} bytes.`,
    );
  }
  return undefined;
}

function findBatchRejection(call: string, entries: readonly Entry[]): ServiceError | undefined {
  if (entries.length === 0) {
    return new ServiceError(
      "EmptyBatchRequest",
      `There should be at least one ${call}RequestEntry in the request.`,
    );
  }
  if (entries.length > 10) {
    return new ServiceError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  const ids = entries.map(({ Id }) => String(Id));
  if (!ids.every((id) => /^[A-Za-z0-9_-]{1,80}$/.test(id))) {
    return new ServiceError(
      "InvalidBatchEntryId",
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
    );
  }
  if (new Set(ids).size < ids.length) {
    return new ServiceError("BatchEntryIdsNotDistinct", "Ids of the entries are not distinct.");
  }
  if (entries.reduce((sum, entry) => sum + messageBytes(entry), 0) > MAX_MESSAGE_BYTES) {
    return new ServiceError(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${MAX_MESSAGE_BYTES} bytes.`,
    );
  }
  return undefined;
}

/** Returns SQS's error for an invalid parameter. */
function sqsError({ kind, path, value, expected }: InputError): ServiceError {
  return kind === "missing"
    ? new ServiceError("MissingParameter", `The request must contain the parameter ${path}.`)
    : new ServiceError(
        "InvalidParameterValue",
        `Value ${String(value)} for parameter ${path} is invalid. Reason: ${expected}`,
      );
}

/** Formats the path of a member like EventBridge does: `entries.1.member.detail`. */
const getPath = (path: string) =>
  path
    .split(".")
    .map((part) =>
      /^\d+$/.test(part)
        ? `${Number(part) + 1}.member`
        : part.charAt(0).toLowerCase() + part.slice(1),
    )
    .join(".");

function validationError({ path, value, expected }: InputError): ServiceError {
  const valueText =
    value === null ? "null" : `'${typeof value === "string" ? value : JSON.stringify(value)}'`;
  return new ServiceError(
    "ValidationException",
    `1 validation error detected: Value ${valueText} at '${getPath(path)}' failed to satisfy constraint: ${expected}`,
  );
}

/**
 * Returns AWS's error if a service rejects the input of a call, or undefined if it accepts it. Unknown members are
 * ignored, as on AWS.
 *
 * @param target such as `AWSEvents.PutEvents`
 */
export function findInputRejection(target: string, input: Input): ServiceError | undefined {
  const [service, call = ""] = target.split(".");
  const error = findInputErrors(call, input).find(({ kind }) => kind !== "unknown");
  if (error?.kind === "type") {
    return new ServiceError("SerializationException", `${error.path} must be ${error.expected}`);
  }
  if (service === "AmazonSQS") {
    if (error) return sqsError(error);
    if (call === "SendMessage") return findMessageRejection(input);
    return call.endsWith("Batch") ? findBatchRejection(call, getEntries(input)) : undefined;
  }
  if (error) return validationError(error);
  if (call !== "PutEvents") return undefined;
  const bytes = getEntries(input).reduce<number>(
    (sum, { Source, DetailType, Detail, Time, Resources = [] }) =>
      sum +
      getByteLength(Source, DetailType, Detail, ...(Resources as string[])) +
      (Time === undefined ? 0 : 14),
    0,
  );
  return bytes > MAX_PUT_EVENTS_BYTES
    ? new ServiceError(
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
      )
    : undefined;
}
