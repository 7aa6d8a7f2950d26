/**
 * The base class of every error that the library throws itself. Its `name` identifies the error even when an
 * app has several copies of the package. Errors of the store and the bus are passed on unchanged.
 */
export class OAuthMonitoringError extends Error {
  override readonly name: string = "OAuthMonitoringError";
}

/** The store or a queue did not complete a request, even after several attempts. */
export class IncompleteRequestError extends OAuthMonitoringError {
  override readonly name = "IncompleteRequestError";
}
