/** The issuer in the template, whatever port the real one has. */
export const TEMPLATE_ISSUER = "http://127.0.0.1:1";
