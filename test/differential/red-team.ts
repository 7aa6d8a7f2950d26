/**
 * Replays known attacks against every adapter and prints a table: `npx tsx test/differential/red-team.ts`. Marks
 * handlers that ran under a different route's rule. Arguments select adapters by name.
 */
import { startDynamoDbLocal } from "../../local/services/dynamodb-local.ts";
import { ADAPTERS } from "./adapters.ts";
import { type Call, knownAttacks } from "./calls.ts";
import { makeCalls, wrongDecision } from "./differential.ts";
import { getName } from "./routes.ts";
import { openScene } from "./scene.ts";

const dynamodb = await startDynamoDbLocal({ port: 0, sharedDb: false });
const scene = await openScene(dynamodb.endpoint);
const wanted = process.argv.slice(2);
let bypasses = 0;
console.log(
  "| adapter | attack | call | token | status | handler |\n| --- | --- | --- | --- | --- | --- |",
);
for (const adapter of ADAPTERS) {
  if (wanted.length > 0 && !wanted.some((name) => adapter.name.includes(name))) continue;
  const attacks = knownAttacks(adapter.prefix);
  const calls = attacks.map(({ call }) => call);
  const outcomes = await makeCalls(adapter, scene, calls);
  for (const [index, { status, ran, required }] of outcomes.entries()) {
    const { method, target, token } = calls[index] as Call;
    const handlers = ran.map((route) => {
      const isWrong = wrongDecision(route, calls[index] as Call, required, scene) !== undefined;
      if (isWrong) bypasses += 1;
      return `${getName(route)}${isWrong ? " **bypass**" : ""}`;
    });
    const kind = attacks[index]?.kind;
    console.log(
      `| ${adapter.name} | ${kind} | \`${method} ${target}\` | ${token} | ${status} | ${handlers.join(", ")} |`,
    );
  }
}
console.log(`\n${bypasses} bypasses`);
await scene.close();
await dynamodb.close();
process.exit();
