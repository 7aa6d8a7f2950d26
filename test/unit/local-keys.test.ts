import { createHash, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DecryptCommand,
  EncryptCommand,
  GetPublicKeyCommand,
  KMSClient,
  SignCommand,
  type SignCommandInput,
} from "@aws-sdk/client-kms";
import { compactVerify, createLocalJWKSet } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { kmsLinkKey } from "../../functions/runtime/approval-key.ts";
import { kmsSeal, kmsSigningKeys, kmsUnseal } from "../../functions/runtime/signing-keys.ts";
import { createAwsEndpoint } from "../../local/services/aws-endpoint.ts";
import type { EventBus } from "../../local/services/event-bus.ts";
import { LocalKeys } from "../../local/services/keys.ts";
import { Notifications } from "../../local/services/notifications.ts";
import { Template } from "../../local/services/template.ts";
import { signSet } from "../../shared/integrations/shared-signals/set-signer.ts";
import { LOCAL_ACCESS } from "../../shared/stack/local-stack-file.ts";

const directory = mkdtempSync(join(tmpdir(), "keys-"));
const toArn = (id: string) => `arn:aws:kms:us-east-1:000000000000:key/${id}`;
const [FIRST, SECOND, DATA] = ["First", "Second", "Data"].map(toArn) as [string, string, string];

let server: Server;
let kms: KMSClient;

beforeAll(async () => {
  const signing = { KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" };
  const key = (Properties: object) => ({ Type: "AWS::KMS::Key", Properties });
  writeFileSync(
    join(directory, "Keys.template.json"),
    JSON.stringify({
      Resources: {
        ...{ First: key(signing), Second: key(signing), Data: key({}) },
        Link: key({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }),
      },
    }),
  );
  const keys = new LocalKeys(new Template({ directory, stackName: "Keys" }, "http://127.0.0.1"));
  server = createAwsEndpoint(
    () => ({}) as EventBus,
    () => new Map(),
    new Notifications(),
    undefined,
    undefined,
    () => keys,
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv("AWS_ENDPOINT_URL_KMS", endpoint);
  vi.stubEnv("AWS_REGION", LOCAL_ACCESS.region);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
  kms = new KMSClient({ endpoint, ...LOCAL_ACCESS, maxAttempts: 1 });
});
afterAll(() => {
  kms.destroy();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

const digest = createHash("sha256").update("message").digest();
const sign = (more: Partial<SignCommandInput> = {}) =>
  kms.send(
    new SignCommand({
      KeyId: FIRST,
      Message: digest,
      MessageType: "DIGEST",
      SigningAlgorithm: "RSASSA_PKCS1_V1_5_SHA_256",
      ...more,
    }),
  );
const getErrorName = (call: Promise<unknown>) =>
  call.then(
    () => "none",
    (error: Error) => error.name,
  );

describe("local KMS signing and encryption keys", () => {
  it("sign digests and messages with RSASSA-PKCS1-v1_5", async () => {
    const { PublicKey = new Uint8Array() } = await kms.send(
      new GetPublicKeyCommand({ KeyId: FIRST }),
    );
    const key = { key: Buffer.from(PublicKey), format: "der", type: "spki" } as const;
    for (const more of [{}, { MessageType: "RAW", Message: Buffer.from("message") } as const]) {
      const { Signature = new Uint8Array() } = await sign(more);
      expect(verify("sha256", Buffer.from("message"), key, Signature)).toBe(true);
    }
  });

  it("reject the same requests as KMS", async () => {
    expect(await getErrorName(sign({ KeyId: toArn("None") }))).toBe("NotFoundException");
    expect(await getErrorName(sign({ Message: Buffer.from("short") }))).toBe("ValidationException");
    expect(await getErrorName(sign({ SigningAlgorithm: "RS256" as never }))).toBe(
      "ValidationException",
    );
    expect(await getErrorName(sign({ Message: Buffer.alloc(5000), MessageType: "RAW" }))).toBe(
      "ValidationException",
    );
    expect(await getErrorName(sign({ KeyId: DATA }))).toBe("UnsupportedOperationException");
    const encrypt = new EncryptCommand({ KeyId: FIRST, Plaintext: Buffer.from("x") });
    expect(await getErrorName(kms.send(encrypt))).toBe("InvalidKeyUsageException");
    const decrypt = new DecryptCommand({ KeyId: DATA, CiphertextBlob: Buffer.alloc(64) });
    expect(await getErrorName(kms.send(decrypt))).toBe("InvalidCiphertextException");
  });

  it("decrypt only with the encryption context used to encrypt", async () => {
    const sealed = await kmsSeal(DATA)("Bearer entrusted", "stream-1");
    expect(Buffer.from(sealed, "base64").toString("latin1")).not.toContain("entrusted");
    expect(await kmsUnseal(DATA)(sealed, "stream-1")).toBe("Bearer entrusted");
    expect(await getErrorName(kmsUnseal(DATA)(sealed, "stream-2"))).toBe(
      "InvalidCiphertextException",
    );
  });
});

describe("local KMS HMAC key", () => {
  it("verifies only codes that it generated", async () => {
    const key = kmsLinkKey(toArn("Link"));
    const mac = await key.sign("message");
    expect(mac).toHaveLength(32);
    expect(await key.verify("message", mac)).toBe(true);
    expect(await key.verify("Message", mac)).toBe(false);
    expect(await key.verify("message", Buffer.alloc(32))).toBe(false);
    expect(await getErrorName(kmsLinkKey(DATA).sign("message"))).toBe("InvalidKeyUsageException");
    expect(await getErrorName(kmsLinkKey(toArn("None")).verify("x", mac))).toBe(
      "NotFoundException",
    );
  });
});

describe("signSet", () => {
  it("creates a SET that can be verified with the published keys before and after a rotation", async () => {
    const claims = { iss: "https://tr.example.com", jti: "1" };
    const before = kmsSigningKeys([FIRST, SECOND]);
    const after = kmsSigningKeys([SECOND, FIRST]);
    const texts = [await signSet(before, claims), await signSet(after, claims)];
    // Uses an independent library to verify the SET.
    const keySet = createLocalJWKSet({ keys: [...(await before.publicKeys())] });
    const kids = await Promise.all(
      texts.map(async (text) => {
        const { payload, protectedHeader } = await compactVerify(text, keySet);
        expect(JSON.parse(Buffer.from(payload).toString())).toEqual(claims);
        expect(protectedHeader).toMatchObject({ alg: "RS256", typ: "secevent+jwt" });
        return protectedHeader.kid;
      }),
    );
    expect(new Set(kids).size).toBe(2);
  });
});
