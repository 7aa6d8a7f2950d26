/** Returns the order, and the caller as identified by the authorizer. */
export async function handler(event) {
  const { oauth_client_id, user_id, scope } = event.requestContext.authorizer;
  return {
    statusCode: 200,
    headers: { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" },
    body: JSON.stringify({
      order: event.pathParameters?.id ?? null,
      client: oauth_client_id,
      user: user_id ?? null,
      scopes: scope.split(" "),
    }),
  };
}
