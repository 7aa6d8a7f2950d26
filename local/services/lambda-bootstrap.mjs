// Replaces the managed Node.js runtime: loads the bundle, then takes invocations from the Lambda Runtime API one after
// another.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { Agent, request } from "node:http";
import { pathToFileURL } from "node:url";

const {
  AWS_LAMBDA_RUNTIME_API: api,
  LAMBDA_TASK_ROOT: root,
  _HANDLER: handlerName,
  AWS_LAMBDA_FUNCTION_NAME: functionName,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memoryLimitInMB,
} = process.env;
const agent = new Agent({ keepAlive: true });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const url = `http://${api}/2018-06-01/runtime/${path}`;
    const outgoing = request(url, { method, agent }, async (incoming) => {
      const chunks = [];
      for await (const chunk of incoming) chunks.push(chunk);
      resolve({ headers: incoming.headers, body: Buffer.concat(chunks).toString("utf8") });
    });
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const errorBody = (error) => ({
  errorMessage: error?.message ?? String(error),
  errorType: error?.name ?? "Error",
  trace: String(error?.stack ?? "").split("\n"),
});

async function load() {
  const [file, name] = handlerName.split(".");
  const bundle = await import(pathToFileURL(`${root}/${file}.mjs`).href);
  return bundle[name];
}

const handler = await load().catch(async (error) => {
  await call("POST", "init/error", errorBody(error));
  throw error;
});

for (;;) {
  const { headers, body } = await call("GET", "invocation/next");
  const awsRequestId = headers["lambda-runtime-aws-request-id"];
  const deadlineMs = Number(headers["lambda-runtime-deadline-ms"]);
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  const context = {
    awsRequestId,
    functionName,
    functionVersion: "$LATEST",
    memoryLimitInMB,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
  const [path, answer] = await Promise.resolve()
    .then(() => handler(JSON.parse(body), context))
    .then(
      (result) => ["response", result ?? null],
      (error) => ["error", errorBody(error)],
    );
  // aws-lambda-ric 4 does the same.
  await new Promise((resolve) => setImmediate(resolve));
  await call("POST", `invocation/${awsRequestId}/${path}`, answer);
}
