/**
 * Base class for every error that the library throws. Use `name` to identify an error, which works even if an app has
 * several copies of the package. Errors from AWS SDK clients are passed through unchanged.
 */
export class OAuthMonitoringError extends Error {
  override readonly name: string = "OAuthMonitoringError";
}

/** Thrown if DynamoDB or a queue didn't complete a request after several attempts. */
export class IncompleteRequestError extends OAuthMonitoringError {
  override readonly name = "IncompleteRequestError";
}
