/** Issuer URL in the template. The stack replaces it with the local issuer's URL. */
export const TEMPLATE_ISSUER = "http://127.0.0.1:1";
