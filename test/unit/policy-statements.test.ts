import { describe, expect, it } from "vitest";
import { decide, type Statement } from "../../local/services/policy-statements.ts";

const EVENTS = { service: "events.amazonaws.com" };
const allow = (more: Partial<Statement>): Statement => ({
  Effect: "Allow",
  Principal: { Service: "events.amazonaws.com" },
  Action: "kms:*",
  ...more,
});
const ask = (statements: Statement[], action = "kms:Decrypt", context = {}) =>
  decide(statements, { principal: EVENTS, action, resource: "key", context });

describe("policy statements", () => {
  it.each<[string, string, boolean]>([
    ["kms:ReEncrypt*", "kms:ReEncryptFrom", true],
    ["kms:GenerateDataKey*", "kms:GenerateDataKey", true],
    ["KMS:decrypt", "kms:Decrypt", true],
    ["*", "kms:Decrypt", true],
    ["kms:*Key*", "kms:GenerateDataKeyPair", true],
    ["kms:?ecrypt", "kms:Decrypt", true],
    ["kms:Decrypt", "kms:DecryptMore", false],
    ["kms:De*t?", "kms:Decrypt", false],
    ["kms:a*b", "kms:aab-abc", false],
    ["sqs:*", "kms:Decrypt", false],
  ])("match actions with wildcards: %s, %s", (Action, action, isMatch) => {
    expect(ask([allow({ Action })], action)).toBe(isMatch ? "allowed" : undefined);
  });

  it("require every condition, each with any of the listed values", () => {
    const Condition = { StringEquals: { "aws:SourceAccount": ["1", "2"] } };
    const statement = [allow({ Condition })];
    expect(ask(statement, "kms:Decrypt", { "aws:sourceaccount": "2" })).toBe("allowed");
    expect(ask(statement, "kms:Decrypt", { "aws:SourceAccount": "3" })).toBeUndefined();
    expect(ask(statement)).toBeUndefined();
    const arn = [allow({ Condition: { ArnLike: { "aws:SourceArn": "arn:*:rule/*" } } })];
    expect(ask(arn, "kms:Decrypt", { "aws:SourceArn": "arn:aws:rule/a" })).toBe("allowed");
    expect(() => ask([allow({ Condition: { IpAddress: { "aws:SourceIp": "::1" } } })])).toThrow(
      /does not support the condition IpAddress/,
    );
  });

  it("deny before they allow and apply only to the principals they name", () => {
    const deny = allow({ Effect: "Deny", Principal: "*", Action: "kms:Decrypt" });
    expect(ask([allow({}), deny])).toBe("denied");
    expect(ask([allow({}), deny], "kms:Encrypt")).toBe("allowed");
    expect(ask([allow({ Principal: { Service: "s3.amazonaws.com" } })])).toBeUndefined();
    expect(ask([allow({ Principal: { AWS: "events.amazonaws.com" } })])).toBeUndefined();
  });
});
