import { expect, it } from "vitest";
import { doctor } from "../../cli/commands/doctor.ts";
import { useStack } from "./stack.ts";
import { stackTarget } from "./stack-target.ts";

const scene = useStack();

it("doctor reports only warnings right after a first deployment", async () => {
  const target = {
    ...stackTarget(scene()),
    alarmTopicArn: "arn:aws:sns:us-east-1:000000000000:topic",
  };
  const { failed, json, text } = await doctor(target, { wait: "60", scopes: "api:read" });
  expect(text).not.toContain("FAIL");
  expect(failed).toBe(false);
  expect(json).toMatchObject({ ok: true });
  const { checks } = json as { checks: { check: string; warning?: true; advice?: string }[] };
  const warnings = checks.filter(({ warning }) => warning);
  expect(warnings.map(({ check, advice }) => [check, advice])).toEqual([
    ["cleanup", "after the first deployment, wait 60 minutes and run doctor again"],
    ["alarms", "subscribe to the alarm topic: see docs/deploy.md"],
  ]);
});
