/**
 * The base of every error that the library throws by intent, with a `name` that also holds across copies
 * of the package. What the store or the bus throws passes through as it is.
 */
export class OAuthMonitoringError extends Error {
  override readonly name: string = "OAuthMonitoringError";
}

/** The store or a queue left a part of a request undone, however often it was asked. */
export class IncompleteRequestError extends OAuthMonitoringError {
  override readonly name = "IncompleteRequestError";
}
