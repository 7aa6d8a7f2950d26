import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { ServiceError } from "./service-error.ts";
import type { Template } from "./template.ts";

interface KeyProperties {
  readonly KeySpec?: string;
  readonly KeyUsage?: string;
}

interface LocalKey {
  readonly arn: string;
  readonly spec: string;
  readonly pair?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** Set for symmetric keys. */
  readonly secret?: Buffer;
  /** Set for HMAC keys. */
  readonly hmac?: Buffer;
}

export interface SignInput {
  readonly KeyId: string;
  /** Base64. */
  readonly Message: string;
  readonly MessageType?: string;
  readonly SigningAlgorithm: string;
}

type Context = Readonly<Record<string, string>>;

export interface EncryptInput {
  readonly KeyId: string;
  /** Base64. */
  readonly Plaintext: string;
  readonly EncryptionContext?: Context;
}

export interface DecryptInput {
  readonly KeyId?: string;
  /** Base64. */
  readonly CiphertextBlob: string;
  readonly EncryptionContext?: Context;
}

export interface MacInput {
  readonly KeyId: string;
  /** Base64. */
  readonly Message: string;
  readonly MacAlgorithm: string;
}

export interface VerifyMacInput extends MacInput {
  /** Base64. */
  readonly Mac: string;
}

const ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256";

/** Prefix that an RSA signature adds to a SHA-256 digest (RFC 8017, section 9.2). */
const DIGEST_INFO = Buffer.from("3031300d060960864801650304020105000420", "hex");

const IV_BYTES = 12;
const TAG_BYTES = 16;

const additionalData = (context: Context = {}) =>
  Buffer.from(JSON.stringify(Object.entries(context).sort()));

/**
 * The template's KMS keys: RSA-2048 signing keys, symmetric encryption keys and HMAC keys. Key material is generated
 * each time the stack starts.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
export class LocalKeys {
  readonly #keys = new Map<string, LocalKey>();

  constructor(template?: Template) {
    for (const { logicalId, properties } of template?.resources<KeyProperties>("AWS::KMS::Key") ??
      []) {
      const { KeySpec: spec = "SYMMETRIC_DEFAULT", KeyUsage = "ENCRYPT_DECRYPT" } = properties;
      const arn = template?.arn(logicalId) ?? "";
      if (spec === "SYMMETRIC_DEFAULT") {
        this.#keys.set(arn, { arn, spec, secret: randomBytes(32) });
      } else if (spec === "RSA_2048" && KeyUsage === "SIGN_VERIFY") {
        const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
        this.#keys.set(arn, { arn, spec, pair });
      } else if (spec === "HMAC_256" && KeyUsage === "GENERATE_VERIFY_MAC") {
        this.#keys.set(arn, { arn, spec, hmac: randomBytes(32) });
      } else {
        throw new Error(`the local stack does not support the key spec ${spec} for ${KeyUsage}`);
      }
    }
  }

  publicKey(keyId: string): object {
    const { arn, spec, pair } = this.#asymmetric(keyId, "GetPublicKey");
    return {
      KeyId: arn,
      KeySpec: spec,
      KeyUsage: "SIGN_VERIFY",
      PublicKey: pair.publicKey.export({ format: "der", type: "spki" }).toString("base64"),
      SigningAlgorithms: [256, 384, 512].flatMap((bits) => [
        `RSASSA_PKCS1_V1_5_SHA_${bits}`,
        `RSASSA_PSS_SHA_${bits}`,
      ]),
    };
  }

  sign({ KeyId, Message, MessageType = "RAW", SigningAlgorithm }: SignInput): object {
    const { arn, pair } = this.#asymmetric(KeyId, "Sign");
    if (SigningAlgorithm !== ALGORITHM) {
      throw new Error(`the local stack signs only with ${ALGORITHM}`);
    }
    const message = Buffer.from(Message, "base64");
    if (MessageType === "DIGEST" && message.length !== 32) {
      throw new ServiceError("ValidationException", "Digest is invalid length for algorithm.");
    }
    const digest =
      MessageType === "DIGEST" ? message : createHash("sha256").update(message).digest();
    const signature = privateEncrypt(
      { key: pair.privateKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.concat([DIGEST_INFO, digest]),
    );
    return { KeyId: arn, Signature: signature.toString("base64"), SigningAlgorithm };
  }

  generateMac({ KeyId, Message, MacAlgorithm }: MacInput): object {
    const { arn, mac } = this.#mac(KeyId, Message, MacAlgorithm);
    return { KeyId: arn, Mac: mac.toString("base64"), MacAlgorithm };
  }

  verifyMac({ KeyId, Message, MacAlgorithm, Mac }: VerifyMacInput): object {
    const { arn, mac } = this.#mac(KeyId, Message, MacAlgorithm);
    const received = Buffer.from(Mac, "base64");
    if (received.length !== mac.length || !timingSafeEqual(received, mac)) {
      throw new ServiceError("KMSInvalidMacException", "");
    }
    return { KeyId: arn, MacValid: true, MacAlgorithm };
  }

  encrypt({ KeyId, Plaintext, EncryptionContext }: EncryptInput): object {
    const { arn, secret } = this.#symmetric(KeyId);
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", secret, iv);
    cipher.setAAD(additionalData(EncryptionContext));
    const sealed = [cipher.update(Buffer.from(Plaintext, "base64")), cipher.final()];
    const CiphertextBlob = Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString("base64");
    return { KeyId: arn, CiphertextBlob, EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
  }

  decrypt({ KeyId = "", CiphertextBlob, EncryptionContext }: DecryptInput): object {
    const { arn, secret } = this.#symmetric(KeyId);
    const bytes = Buffer.from(CiphertextBlob, "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", secret, bytes.subarray(0, IV_BYTES));
      decipher.setAAD(additionalData(EncryptionContext));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const text = [decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()];
      const Plaintext = Buffer.concat(text).toString("base64");
      return { KeyId: arn, Plaintext, EncryptionAlgorithm: "SYMMETRIC_DEFAULT" };
    } catch {
      throw new ServiceError("InvalidCiphertextException", "");
    }
  }

  #find(keyId: string): LocalKey {
    const key = this.#keys.get(keyId);
    if (!key) throw new ServiceError("NotFoundException", `Key '${keyId}' does not exist`);
    return key;
  }

  #mac(keyId: string, message: string, algorithm: string) {
    const { arn, spec, hmac } = this.#find(keyId);
    if (!hmac || algorithm !== "HMAC_SHA_256") {
      throw new ServiceError(
        "InvalidKeyUsageException",
        `${algorithm} is not valid for a key whose KeySpec is ${spec}`,
      );
    }
    return { arn, mac: createHmac("sha256", hmac).update(message, "base64").digest() };
  }

  #asymmetric(keyId: string, call: string) {
    const key = this.#find(keyId);
    if (key.pair) return { ...key, pair: key.pair };
    throw new ServiceError(
      "UnsupportedOperationException",
      `${call} is not valid for a key whose KeySpec is ${key.spec}`,
    );
  }

  #symmetric(keyId: string) {
    const key = this.#find(keyId);
    if (key.secret) return { ...key, secret: key.secret };
    throw new ServiceError(
      "InvalidKeyUsageException",
      `${key.arn} key usage is SIGN_VERIFY which is not valid for this operation`,
    );
  }
}

/** The keys of a stack without KMS keys. */
export const NO_KEYS = new LocalKeys();
