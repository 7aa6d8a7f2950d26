import { SignatureV4 } from "@smithy/signature-v4";

/**
 * Stands in for the SDK's signer of EventBridge requests in the bundles. Signatures for more than one
 * region (SigV4a) are for global endpoints; a function writes to the bus of its own region.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-global-endpoints.html
 */
export class SignatureV4MultiRegion extends SignatureV4 {
  /** Which implementation of SigV4a is there. */
  static sigv4aDependency(): "none" {
    return "none";
  }
}
