/**
 * Base class of every error that the library throws. Its `name` identifies the error even when an app has
 * several copies of the package. Errors of AWS SDK clients are passed on unchanged.
 */
export class OAuthMonitoringError extends Error {
  override readonly name: string = "OAuthMonitoringError";
}

/** Thrown when DynamoDB or a queue did not complete a request after several attempts. */
export class IncompleteRequestError extends OAuthMonitoringError {
  override readonly name = "IncompleteRequestError";
}
