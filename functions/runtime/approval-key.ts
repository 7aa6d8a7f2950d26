import {
  GenerateMacCommand,
  KMSClient,
  KMSInvalidMacException,
  VerifyMacCommand,
} from "@aws-sdk/client-kms";
import { giveUpAfter } from "../../shared/core/aws-calls.ts";
import type { LinkKey } from "../../shared/response/approval-link.ts";

const MacAlgorithm = "HMAC_SHA_256";

/**
 * Returns the key that signs approval links. The key never leaves KMS.
 * https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
 */
export function kmsLinkKey(KeyId: string): LinkKey {
  const kms = new KMSClient({ maxAttempts: 3, requestHandler: giveUpAfter(3000) });
  return {
    async sign(message) {
      const Message = Buffer.from(message);
      const { Mac } = await kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm }));
      if (!Mac) throw new Error("KMS returned no MAC");
      return Mac;
    },
    async verify(message, Mac) {
      const Message = Buffer.from(message);
      try {
        const { MacValid } = await kms.send(
          new VerifyMacCommand({ KeyId, Message, Mac, MacAlgorithm }),
        );
        return MacValid === true;
      } catch (error) {
        if (error instanceof KMSInvalidMacException) return false;
        throw error;
      }
    },
  };
}
