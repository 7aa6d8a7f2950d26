import { connectAsUser } from "./sign-in.js";

const [server, tool, args = "{}"] = process.argv.slice(2);
if (!server || !tool) {
  console.error(`usage: npx tsx client/call-tool.ts URL TOOL ['{"id": "42"}']`);
  process.exit(1);
}
const client = await connectAsUser(new URL(server), (page) => {
  console.log(`Sign in here:\n  ${page}`);
});
const { content } = await client.callTool({ name: tool, arguments: JSON.parse(args) });
console.log(JSON.stringify(content));
await client.close();
