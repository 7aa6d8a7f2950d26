import {
  DescribeReplayRequest$,
  DisableRuleRequest$,
  EnableRuleRequest$,
  PutEventsRequest$,
  StartReplayRequest$,
} from "@aws-sdk/client-eventbridge";
import {
  DecryptRequest$,
  EncryptRequest$,
  GenerateMacRequest$,
  GetPublicKeyRequest$,
  SignRequest$,
  VerifyMacRequest$,
} from "@aws-sdk/client-kms";
import { GetSecretValueRequest$ } from "@aws-sdk/client-secrets-manager";
import { ListSubscriptionsByTopicInput$, PublishInput$ } from "@aws-sdk/client-sns";
import {
  ChangeMessageVisibilityBatchRequest$,
  ChangeMessageVisibilityRequest$,
  DeleteMessageRequest$,
  GetQueueAttributesRequest$,
  ReceiveMessageRequest$,
  SendMessageBatchRequest$,
  SendMessageRequest$,
} from "@aws-sdk/client-sqs";
import { CONSTRAINTS } from "./service-constraints.ts";

/** An error in one member of a call's input. */
export interface InputError {
  readonly kind: "missing" | "unknown" | "type" | "constraint";
  /** Path of the member, such as `Entries.0.Detail`. */
  readonly path: string;
  readonly value: unknown;
  /** The value that the service expects. */
  readonly expected: string;
}

/** Input schemas by call, from the SDK's own service model. Lists only calls that our code makes. */
const INPUTS: Readonly<Record<string, unknown>> = {
  ChangeMessageVisibility: ChangeMessageVisibilityRequest$,
  ChangeMessageVisibilityBatch: ChangeMessageVisibilityBatchRequest$,
  Decrypt: DecryptRequest$,
  DeleteMessage: DeleteMessageRequest$,
  DescribeReplay: DescribeReplayRequest$,
  DisableRule: DisableRuleRequest$,
  EnableRule: EnableRuleRequest$,
  Encrypt: EncryptRequest$,
  GenerateMac: GenerateMacRequest$,
  GetPublicKey: GetPublicKeyRequest$,
  GetQueueAttributes: GetQueueAttributesRequest$,
  GetSecretValue: GetSecretValueRequest$,
  ListSubscriptionsByTopic: ListSubscriptionsByTopicInput$,
  Publish: PublishInput$,
  PutEvents: PutEventsRequest$,
  ReceiveMessage: ReceiveMessageRequest$,
  SendMessage: SendMessageRequest$,
  SendMessageBatch: SendMessageBatchRequest$,
  Sign: SignRequest$,
  StartReplay: StartReplayRequest$,
  VerifyMac: VerifyMacRequest$,
};

/**
 * Kinds of schemas in the SDK. A schema is either a number (a simple type) or a list that starts with one of these
 * kinds.
 */
const LIST = 1;
const MAP = 2;
const STRUCTURE = 3;
/** Bits of a simple type that make it a list or a map of that type. */
const LIST_FLAG = 64;
const MAP_FLAG = 128;

const SIMPLE: Readonly<Record<number, readonly [name: string, is: (value: unknown) => boolean]>> = {
  0: ["a string", (value) => typeof value === "string"],
  1: ["a number", (value) => typeof value === "number"],
  2: ["a boolean", (value) => typeof value === "boolean"],
  // The JSON protocols send times as epoch seconds.
  4: ["a time", (value) => typeof value === "number" || value instanceof Date],
  21: ["bytes", (value) => typeof value === "string" || value instanceof Uint8Array],
};

/** Returns a schema without its member traits. */
function plain(schema: unknown): unknown {
  if (typeof schema === "function") return plain(schema());
  // If a member has traits, it is a pair: the schema and the traits.
  if (Array.isArray(schema) && typeof schema[0] !== "number") return plain(schema[0]);
  if (Array.isArray(schema) && schema.length === 2) return plain(schema[0]);
  return schema;
}

function* findErrors(value: unknown, memberSchema: unknown, path: string): Generator<InputError> {
  const schema = plain(memberSchema);
  const wrong = (expected: string): InputError => ({
    kind: "type",
    path,
    value,
    expected,
  });
  const members = (inner: unknown): Generator<InputError> | InputError[] =>
    Object.entries(value as object).flatMap(([name, member]) => [
      ...findErrors(member, inner, `${path}.${name}`),
    ]);
  if (typeof schema === "number") {
    const [simple, isList, isMap] = [
      schema & ~(LIST_FLAG | MAP_FLAG),
      schema & LIST_FLAG,
      schema & MAP_FLAG,
    ];
    if (isList) {
      if (Array.isArray(value)) yield* members(simple);
      else yield wrong("a list");
    } else if (isMap) {
      if (isObject(value)) yield* members(simple);
      else yield wrong("a map");
    } else {
      const [name, is] = SIMPLE[simple] ?? [];
      if (is && !is(value)) yield wrong(String(name));
    }
    return;
  }
  const [kind, , shape, , names, inner] = schema as [
    number,
    string,
    string,
    unknown,
    unknown,
    unknown,
  ];
  if (kind === LIST) {
    if (Array.isArray(value)) yield* members(names);
    else yield wrong("a list");
  } else if (kind === MAP) {
    if (isObject(value)) yield* members(inner);
    else yield wrong("a map");
  } else if (kind === STRUCTURE) {
    if (isObject(value)) yield* findStructureErrors(value, schema as Structure, shape, path);
    else yield wrong("an object");
  }
}

type Structure = readonly [
  number,
  string,
  string,
  unknown,
  names: readonly string[],
  schemas: readonly unknown[],
  required?: number,
];

function* findStructureErrors(
  value: Readonly<Record<string, unknown>>,
  [, , , , names, schemas, required = 0]: Structure,
  shape: string,
  path: string,
): Generator<InputError> {
  const at = (name: string) => (path ? `${path}.${name}` : name);
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) {
      yield {
        kind: "unknown",
        path: at(name),
        value: value[name],
        expected: `a member of ${shape}`,
      };
    }
  }
  // Required members come first.
  for (const [index, name] of names.entries()) {
    const member = value[name];
    if (member === undefined || member === null) {
      if (index < required) {
        yield { kind: "missing", path: at(name), value: null, expected: "Member must not be null" };
      }
      continue;
    }
    const errors = [...findErrors(member, schemas[index], at(name))];
    yield* errors;
    const expected = errors.length === 0 ? CONSTRAINTS[shape]?.[name]?.(member) : undefined;
    if (expected) yield { kind: "constraint", path: at(name), value: member, expected };
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Returns the errors in the input of a call. Checks members, required members and types against the SDK's model, and
 * constraints against the service's API reference.
 *
 * @param call such as `PutEvents`
 * @throws Error when `INPUTS` is missing the call; add it there
 */
export function findInputErrors(call: string, input: unknown): InputError[] {
  const schema = INPUTS[call];
  if (schema === undefined) throw new Error(`service-model.ts has no model of ${call}. Add it`);
  return [...findErrors(input, schema, "")];
}
