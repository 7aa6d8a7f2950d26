// Measures the CPU time of calls to a deployed authorizer, alternating with bare UpdateItem calls for the same token.
// Runs in a separate process, which excludes the CPU time of the store, the bus and the benchmark.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, UpdateCommand } from "@aws-sdk/lib-dynamodb";

const { file, tokensTable, digest, event, blocks, callsPerBlock } = JSON.parse(process.argv[2]);
const { handler } = await import(file);
const store = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const log = console.log;
// The function still formats its log lines, but they must not mix with the result.
for (const level of ["log", "info", "warn", "error", "debug"]) console[level] = () => {};

const context = {
  awsRequestId: "bench",
  functionName: "authorizer",
  getRemainingTimeInMillis: () => 3000,
};
const variants = {
  handler: () => handler(event, context),
  bare: () =>
    store.send(
      new UpdateCommand({
        TableName: tokensTable,
        Key: { token_digest: digest },
        UpdateExpression: "SET last_used_at = :now",
        ExpressionAttributeValues: { ":now": new Date().toISOString() },
        ReturnValues: "ALL_OLD",
      }),
    ),
};
const cpuMs = { handler: [], bare: [] };
for (let block = 0; block < blocks; block += 1) {
  const order = block % 2 === 0 ? ["handler", "bare"] : ["bare", "handler"];
  for (const name of order) {
    const before = process.cpuUsage();
    for (let call = 0; call < callsPerBlock; call += 1) await variants[name]();
    const { user, system } = process.cpuUsage(before);
    cpuMs[name].push((user + system) / 1000 / callsPerBlock);
  }
}
log(JSON.stringify(cpuMs));
process.exit(0);
