/** Returns AWS's validation message for an invalid value, or undefined for a valid one. */
type Constraint = (value: unknown) => string | undefined;

const getLength = (value: unknown): number =>
  typeof value === "string" ? Buffer.byteLength(value) : (value as unknown[]).length;

const length =
  (min: number, max: number): Constraint =>
  (value) => {
    if (getLength(value) < min) return `Member must have length greater than or equal to ${min}`;
    if (getLength(value) > max) return `Member must have length less than or equal to ${max}`;
    return undefined;
  };

/** Limits the decoded length of base64 data. */
const blob =
  (min: number, max: number): Constraint =>
  (value) =>
    length(
      min,
      max,
    )(typeof value === "string" ? [...Buffer.from(value, "base64")] : [...(value as Uint8Array)]);

const range =
  (min: number, max: number): Constraint =>
  (value) =>
    Number(value) >= min && Number(value) <= max
      ? undefined
      : `Must be between ${min} and ${max}, if provided.`;

const pattern =
  (expression: { readonly source: string; test(text: string): boolean }): Constraint =>
  (value) =>
    expression.test(String(value))
      ? undefined
      : `Member must satisfy regular expression pattern: ${expression.source}`;

const all =
  (...constraints: readonly Constraint[]): Constraint =>
  (value) =>
    constraints.map((constraint) => constraint(value)).find((error) => error !== undefined);

/** Text that SQS and SNS accept: only characters that XML 1.0 allows. */
export const MESSAGE_TEXT = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;

/** Size limit of a message, and of a batch of messages, in bytes. */
export const MAX_MESSAGE_BYTES = 1_048_576;

const REPLAY_NAME = all(length(1, 64), pattern(/^[.\-_A-Za-z0-9]+$/));
const RULE_NAME = all(length(1, 64), pattern(/^[.\-_A-Za-z0-9]+$/));
const ARN = length(1, 1600);

/**
 * Constraints that are missing from the SDK's model, by shape and member.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
 */
export const CONSTRAINTS: Readonly<Record<string, Readonly<Record<string, Constraint>>>> = {
  ChangeMessageVisibilityRequest: { VisibilityTimeout: range(0, 43_200) },
  ChangeMessageVisibilityBatchRequestEntry: { VisibilityTimeout: range(0, 43_200) },
  DecryptRequest: { CiphertextBlob: blob(1, 6144), KeyId: length(1, 2048) },
  DescribeReplayRequest: { ReplayName: REPLAY_NAME },
  DisableRuleRequest: { Name: RULE_NAME },
  EnableRuleRequest: { Name: RULE_NAME },
  EncryptRequest: { KeyId: length(1, 2048), Plaintext: blob(1, 4096) },
  GenerateMacRequest: {
    KeyId: length(1, 2048),
    Message: blob(1, 4096),
    MacAlgorithm: pattern(/^HMAC_SHA_(224|256|384|512)$/),
  },
  GetPublicKeyRequest: { KeyId: length(1, 2048) },
  GetSecretValueRequest: { SecretId: length(1, 2048) },
  PublishInput: {
    Message: all(length(1, 262_144), pattern(MESSAGE_TEXT)),
    // Printable ASCII that doesn't start with a space.
    Subject: all(length(1, 100), pattern(/^[\x21-\x7e][\x20-\x7e]*$/)),
    MessageStructure: pattern(/^json$/),
  },
  PutEventsRequest: { Entries: length(1, 10) },
  PutEventsRequestEntry: { EventBusName: ARN, TraceHeader: length(1, 500) },
  ReceiveMessageRequest: {
    MaxNumberOfMessages: range(1, 10),
    WaitTimeSeconds: range(0, 20),
    VisibilityTimeout: range(0, 43_200),
  },
  ReplayDestination: { Arn: ARN },
  SendMessageRequest: { DelaySeconds: range(0, 900) },
  SendMessageBatchRequestEntry: { DelaySeconds: range(0, 900) },
  SignRequest: {
    KeyId: length(1, 2048),
    Message: blob(1, 4096),
    MessageType: pattern(/^(RAW|DIGEST|EXTERNAL_MU)$/),
    SigningAlgorithm: pattern(
      /^(RSASSA_PSS_SHA_(256|384|512)|RSASSA_PKCS1_V1_5_SHA_(256|384|512)|ECDSA_SHA_(256|384|512)|SM2DSA|ML_DSA_SHAKE_256|ED25519_SHA_512|ED25519_PH_SHA_512)$/,
    ),
  },
  StartReplayRequest: {
    ReplayName: REPLAY_NAME,
    EventSourceArn: all(ARN, pattern(/^arn:aws[a-z-]*:events:[a-z0-9-]*:[0-9]*:[^/]+\/.+$/)),
    Description: length(0, 512),
  },
  VerifyMacRequest: {
    KeyId: length(1, 2048),
    Message: blob(1, 4096),
    Mac: blob(1, 6144),
    MacAlgorithm: pattern(/^HMAC_SHA_(224|256|384|512)$/),
  },
};
