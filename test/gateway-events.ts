/** Events with every field in AWS's documentation, by source. Tests override the fields that they need. */

const CERTIFICATE = {
  clientCertPem: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  subjectDN: "CN=orders.example.com",
  issuerDN: "CN=Example CA",
  serialNumber: "a1:a1:a1:a1",
  validity: { notBefore: "May 28 12:30:02 2026 GMT", notAfter: "Aug  5 09:36:04 2027 GMT" },
};

/** HTTP API event in payload format 2.0, for the integration. */
export const HTTP_API_EVENT = {
  version: "2.0",
  routeKey: "ANY /api/{proxy+}",
  rawPath: "/api/orders/7",
  rawQueryString: "page=1&page=2&sort=asc",
  cookies: ["session=one", "theme=dark"],
  headers: {
    accept: "*/*",
    authorization: "Bearer opaque-token",
    host: "a1b2c3.execute-api.eu-central-1.amazonaws.com",
    "user-agent": "curl/8.9",
    "x-amzn-trace-id": "Root=1-611cc4a7-0746ebee281cfd967db97b64",
    "x-forwarded-for": "203.0.113.9",
  },
  queryStringParameters: { page: "1,2", sort: "asc" },
  requestContext: {
    accountId: "111122223333",
    apiId: "a1b2c3",
    authentication: { clientCert: CERTIFICATE },
    domainName: "a1b2c3.execute-api.eu-central-1.amazonaws.com",
    domainPrefix: "a1b2c3",
    http: {
      method: "POST",
      path: "/api/orders/7",
      protocol: "HTTP/1.1",
      sourceIp: "203.0.113.9",
      userAgent: "curl/8.9",
    },
    requestId: "JKJaXmPLvHcESHA=",
    routeKey: "ANY /api/{proxy+}",
    stage: "$default",
    time: "12/Mar/2026:19:03:58 +0000",
    timeEpoch: 1773342238390,
  },
  body: '{"quantity":1}',
  pathParameters: { proxy: "orders/7" },
  isBase64Encoded: false,
  stageVariables: { colour: "blue" },
};

const { body: _, isBase64Encoded: __, ...httpApiRequest } = HTTP_API_EVENT;

/** HTTP API event in payload format 2.0, for the authorizer. */
export const HTTP_API_AUTHORIZER_EVENT = {
  ...httpApiRequest,
  type: "REQUEST",
  routeArn: "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3/$default/POST/api/orders/7",
  identitySource: ["Bearer opaque-token"],
};

/** Function URL event. */
export const FUNCTION_URL_EVENT = {
  version: "2.0",
  routeKey: "$default",
  rawPath: "/api/caf%C3%A9",
  rawQueryString: "",
  headers: {
    authorization: "Bearer opaque-token",
    host: "x7y8z9.lambda-url.eu-central-1.on.aws",
    "user-agent": "curl/8.9",
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
  },
  requestContext: {
    accountId: "anonymous",
    apiId: "x7y8z9",
    domainName: "x7y8z9.lambda-url.eu-central-1.on.aws",
    domainPrefix: "x7y8z9",
    http: {
      method: "GET",
      path: "/api/caf%C3%A9",
      protocol: "HTTP/1.1",
      sourceIp: "203.0.113.9",
      userAgent: "curl/8.9",
    },
    requestId: "5ba1cb3d-6ad6-4a0e-9a1c-2b8d0a9f0a11",
    routeKey: "$default",
    stage: "$default",
    time: "05/Aug/2026:08:14:39 +0000",
    timeEpoch: 1785917679885,
  },
  isBase64Encoded: false,
};

/** REST API event for the proxy integration. */
export const REST_API_EVENT = {
  resource: "/api/{proxy+}",
  path: "/api/orders/7",
  httpMethod: "POST",
  headers: { Authorization: "Bearer opaque-token", "User-Agent": "curl/8.9" },
  multiValueHeaders: { Authorization: ["Bearer opaque-token"], "User-Agent": ["curl/8.9"] },
  queryStringParameters: { page: "2" },
  multiValueQueryStringParameters: { page: ["1", "2"] },
  pathParameters: { proxy: "orders/7" },
  stageVariables: null,
  requestContext: {
    accountId: "111122223333",
    apiId: "d4e5f6",
    authorizer: null,
    domainName: "d4e5f6.execute-api.eu-central-1.amazonaws.com",
    domainPrefix: "d4e5f6",
    extendedRequestId: "JKJaXmPLvHcESHA=",
    httpMethod: "POST",
    identity: {
      accessKey: null,
      caller: null,
      clientCert: CERTIFICATE,
      sourceIp: "203.0.113.9",
      user: null,
      userAgent: "curl/8.9",
      userArn: null,
    },
    path: "/prod/api/orders/7",
    protocol: "HTTP/1.1",
    requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    requestTime: "04/Mar/2026:19:15:17 +0000",
    requestTimeEpoch: 1772651717135,
    resourceId: "123456",
    resourcePath: "/api/{proxy+}",
    stage: "prod",
  },
  body: '{"quantity":1}',
  isBase64Encoded: false,
};

/**
 * HTTP API event in payload format 1.0. It is like a REST API event, but the path is decoded and contains the stage.
 */
export const HTTP_API_1_EVENT = {
  ...REST_API_EVENT,
  version: "1.0",
  path: "/prod/api/orders/7",
  requestContext: { ...REST_API_EVENT.requestContext, path: "/prod/api/orders/7" },
};

/** Load balancer event for a target group with single-value headers. */
export const LOAD_BALANCER_EVENT = {
  requestContext: {
    elb: {
      targetGroupArn:
        "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/orders/804a67588bfdc10f",
    },
  },
  httpMethod: "POST",
  path: "/api/orders/7",
  queryStringParameters: { page: "2" },
  headers: {
    accept: "*/*",
    authorization: "Bearer opaque-token",
    host: "api.example.com",
    "user-agent": "curl/8.9",
    "x-amzn-trace-id":
      "Self=1-62fa9327-aaaaaaaaaaaaaaaaaaaaaaaa;Root=1-62fa9327-21cdd4da4c6db451490a5fb7",
    "x-forwarded-for": "198.51.100.7, 203.0.113.9",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
  },
  body: '{"quantity":1}',
  isBase64Encoded: false,
};

const { headers, queryStringParameters: ___, ...balanced } = LOAD_BALANCER_EVENT;

/** Load balancer event for a target group with multi-value headers. */
export const LOAD_BALANCER_MULTI_VALUE_EVENT = {
  ...balanced,
  multiValueQueryStringParameters: { page: ["1", "2"] },
  multiValueHeaders: Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value]]),
  ),
};

/** AppSync authorization event. */
export const APPSYNC_EVENT = {
  authorizationToken: "Bearer opaque-token",
  requestContext: {
    apiId: "ghijkl5fbfkb2p3jzq7yyxyz7i",
    accountId: "111122223333",
    requestId: "b80ed838-14c6-4500-b4c3-b694c7bef086",
    queryString: "mutation Cancel($id: ID!) { cancelOrder(id: $id) { state } }",
    operationName: "Cancel",
    variables: { id: "7" },
  },
  requestHeaders: {
    authorization: "Bearer opaque-token",
    host: "ghijkl5fbfkb2p3jzq7yyxyz7i.appsync-api.eu-central-1.amazonaws.com",
    "user-agent": "curl/8.9",
    // An entry that the caller sent, the caller's address, and CloudFront in front of AppSync.
    "x-forwarded-for": "198.51.100.1, 203.0.113.9, 192.0.2.77",
    "x-forwarded-proto": "https",
  },
};
