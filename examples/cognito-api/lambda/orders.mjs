/** Returns the order, and the caller as identified by the authorizer. */
export async function handler(event) {
  const { oauth_client_id, user_id, scope } = event.requestContext.authorizer.lambda;
  return {
    statusCode: 200,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      order: event.pathParameters?.id ?? null,
      client: oauth_client_id,
      user: user_id ?? null,
      scopes: scope.split(" "),
    }),
  };
}
