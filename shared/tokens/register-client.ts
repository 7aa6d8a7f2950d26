import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import * as z from "zod";
import { type Clock, toInstant } from "../core/clock.ts";
import { parseInput } from "../core/faults.ts";
import { identifierSchema } from "../events/identifiers.ts";
import { type ClientStore, type OAuthClient, oauthClientSchema } from "./oauth-client.ts";

export const registerClientRequestSchema = z.strictObject({
  clientId: identifierSchema,
  name: identifierSchema,
  status: z.enum(["active", "inactive"]).default("active"),
});

/** A client to register or rename. */
export type RegisterClientRequest = z.input<typeof registerClientRequestSchema>;

/**
 * Registers a client. If events have already created the client, adds the name and keeps its usage data.
 *
 * @throws InvalidInputError if the request isn't valid
 */
export async function registerClient(
  store: ClientStore & { readonly clock: Clock },
  request: RegisterClientRequest,
): Promise<OAuthClient> {
  const asked = parseInput(registerClientRequestSchema, "the client", request);
  const { Attributes } = await store.db.send(
    new UpdateCommand({
      TableName: store.clientsTable,
      Key: { oauth_client_id: asked.clientId },
      UpdateExpression:
        "SET client_name = :name, #status = :status, created_at = if_not_exists(created_at, :now)",
      ExpressionAttributeNames: { "#status": "status" },
      ExpressionAttributeValues: {
        ":name": asked.name,
        ":status": asked.status,
        ":now": toInstant(store.clock()),
      },
      ReturnValues: "ALL_NEW",
    }),
  );
  return oauthClientSchema.parse(Attributes);
}
