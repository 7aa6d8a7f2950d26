import { createPublicKey } from "node:crypto";
import {
  DecryptCommand,
  EncryptCommand,
  GetPublicKeyCommand,
  KMSClient,
  SignCommand,
} from "@aws-sdk/client-kms";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import {
  computeThumbprint,
  type SigningJwk,
  type SigningKeys,
} from "../../shared/integrations/shared-signals/set-signer.ts";

const createClient = () => new KMSClient({ maxAttempts: 3, requestHandler: giveUpAfter(3000) });

/** Returns the bytes of a response, which the SDK types as optional. */
function toBuffer(value: Uint8Array | undefined): Buffer {
  if (!value) throw new Error("KMS returned an empty response");
  return Buffer.from(value);
}

/**
 * Returns signing keys that never leave KMS.
 * https://docs.aws.amazon.com/kms/latest/developerguide/symmetric-asymmetric.html
 *
 * @param arns the first key signs; the others are only published for verification
 */
export function kmsSigningKeys(arns: readonly string[]): SigningKeys {
  const kms = createClient();
  let cachedKeys: Promise<readonly SigningJwk[]> | undefined;
  async function fetchKey(arn: string): Promise<SigningJwk> {
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: arn }));
    const key = createPublicKey({ key: toBuffer(PublicKey), format: "der", type: "spki" });
    const { n = "", e = "" } = key.export({ format: "jwk" });
    return { kty: "RSA", kid: computeThumbprint({ n, e }), alg: "RS256", use: "sig", n, e };
  }
  return {
    publicKeys() {
      cachedKeys ??= Promise.all(arns.map(fetchKey)).catch((error: unknown) => {
        cachedKeys = undefined;
        throw error;
      });
      return cachedKeys;
    },
    async signDigest(digest) {
      const { Signature } = await kms.send(
        new SignCommand({
          KeyId: arns[0],
          Message: digest,
          MessageType: "DIGEST",
          SigningAlgorithm: "RSASSA_PKCS1_V1_5_SHA_256",
        }),
      );
      return toBuffer(Signature);
    },
  };
}

/** Encrypts a receiver's credentials for one stream. */
export function kmsSeal(arn: string): (text: string, streamId: string) => Promise<string> {
  const kms = createClient();
  return async (text, stream_id) => {
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({
        KeyId: arn,
        Plaintext: Buffer.from(text),
        EncryptionContext: { stream_id },
      }),
    );
    return toBuffer(CiphertextBlob).toString("base64");
  };
}

/** Decrypts the result of `kmsSeal`. */
export function kmsUnseal(arn: string): (sealed: string, streamId: string) => Promise<string> {
  const kms = createClient();
  return async (sealed, stream_id) => {
    const { Plaintext } = await kms.send(
      new DecryptCommand({
        KeyId: arn,
        CiphertextBlob: Buffer.from(sealed, "base64"),
        EncryptionContext: { stream_id },
      }),
    );
    return toBuffer(Plaintext).toString("utf8");
  };
}
