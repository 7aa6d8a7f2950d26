import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { SignatureV4 } from "@smithy/signature-v4";
import { describe, expect, it } from "vitest";
import { SignatureV4MultiRegion } from "../../functions/runtime/single-region-signature.ts";

type Signer = new (...args: ConstructorParameters<typeof SignatureV4>) => SignatureV4;

describe("the bundles' signer of EventBridge requests", () => {
  it("signs as the SDK's own does", async () => {
    const { config } = new EventBridgeClient({
      region: "eu-central-1",
      credentials: {
        accessKeyId: "AKIDEXAMPLE",
        secretAccessKey: "secret",
        sessionToken: "session",
      },
    });
    const signed = async (Signer: Signer) => {
      const signer = new Signer({
        credentials: config.credentials,
        region: "eu-central-1",
        service: "events",
        sha256: config.sha256,
      });
      const request = {
        method: "POST",
        protocol: "https:",
        hostname: "events.eu-central-1.amazonaws.com",
        path: "/",
        query: {},
        headers: {
          host: "events.eu-central-1.amazonaws.com",
          "x-amz-target": "AWSEvents.PutEvents",
          "content-type": "application/x-amz-json-1.1",
        },
        body: '{"Entries":[]}',
      };
      const { headers } = await signer.sign(request, {
        signingDate: new Date("2026-11-23T10:00:00.000Z"),
      });
      return headers;
    };
    const { signerConstructor: own } = config as { readonly signerConstructor?: Signer };
    if (!own) throw new Error("the SDK names no signer: is the stand-in still needed?");
    expect(own).not.toBe(SignatureV4MultiRegion);
    const headers = await signed(SignatureV4MultiRegion);
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261123\//);
    expect(headers).toEqual(await signed(own));
  });
});
