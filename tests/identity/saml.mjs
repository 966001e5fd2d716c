// A SAML 2.0 identity provider for tests, made of `samlify`: it reads the real request, and answers with a signed form.
// node saml.mjs PORT KEY.pem CERTIFICATE.pem  says "ready" when it listens
// GET /metadata                                    its own metadata
// POST /partner                                    the metadata of who will ask (the body)
// GET /sso?SAMLRequest=…&who=NAME&clock=SECONDS    NAME has signed in; the form that sends them back
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import samlify from "samlify";

const [port, keyFile, certificateFile] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const { SamlLib, Constants } = samlify;
const { binding } = Constants.wording;
const EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";

const AUTHENTICATED =
  '<saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{AssertionID}"><saml:AuthnContext><saml:AuthnContextClassRef>' +
  "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>";

const PEOPLE = {
  ada: { email: "ada@example.org", name: "Ada Lovelace", groups: ["staff", "vena-admins"] },
  bob: { email: "bob@example.org", name: "Bob Babbage", groups: ["staff"] },
  eve: { email: "eve@other.example", name: "Eve", groups: ["vena-admins"] },
};

samlify.setSchemaValidator({ validate: async () => "" });
const certificate = readFileSync(certificateFile, "utf8");
const idp = samlify.IdentityProvider({
  entityID: `${base}/metadata`,
  signingCert: certificate,
  privateKey: readFileSync(keyFile, "utf8"),
  nameIDFormat: [EMAIL],
  singleSignOnService: [{ Binding: Constants.namespace.binding.redirect, Location: `${base}/sso` }],
  loginResponseTemplate: {
    context: SamlLib.defaultLoginResponseTemplate.context.replace("{AuthnStatement}", AUTHENTICATED),
    attributes: ["email", "name", "group1", "group2"].map((tag) => ({
      name: tag.startsWith("group") ? "groups" : tag, valueTag: tag, nameFormat: BASIC, valueXsiType: "xs:string",
    })),
  },
});
let partner = null;

const iso = (milliseconds) => new Date(milliseconds).toISOString();

function filled(template, person, request, clock) {
  const now = Date.now() + clock * 1000;
  const acs = partner.entityMeta.getAssertionConsumerService(binding.post);
  const id = idp.entitySetting.generateID();
  const values = {
    ID: id, AssertionID: idp.entitySetting.generateID(), Destination: acs, SubjectRecipient: acs,
    AssertionConsumerServiceURL: acs, Audience: partner.entityMeta.getEntityID(), EntityID: partner.entityMeta.getEntityID(),
    Issuer: idp.entityMeta.getEntityID(), IssueInstant: iso(now), ConditionsNotBefore: iso(now - 5000),
    ConditionsNotOnOrAfter: iso(now + 300000), SubjectConfirmationDataNotOnOrAfter: iso(now + 300000),
    StatusCode: Constants.StatusCode.Success, NameIDFormat: EMAIL, NameID: person.email, InResponseTo: request,
    attrEmail: person.email, attrName: person.name, attrGroup1: person.groups[0], attrGroup2: person.groups[1] ?? "",
  };
  return { id, context: SamlLib.replaceTagsByValue(template, values) };
}

async function answer(url, body) {
  if (url.pathname === "/metadata") return idp.getMetadata();
  if (url.pathname === "/partner") {
    partner = samlify.ServiceProvider({ metadata: body });
    return "known";
  }
  const query = Object.fromEntries(url.searchParams);
  const person = PEOPLE[query.who];
  const request = query.unasked ? { extract: { request: { id: "" } } } : await idp.parseLoginRequest(partner, "redirect", { query });
  const id = request.extract.request.id;
  const made = await idp.createLoginResponse(partner, request, "post", person, (template) => filled(template, person, id, Number(query.clock ?? 0)));
  return `<form action="${made.entityEndpoint}"><input name="SAMLResponse" value="${made.context}"></form>`;
}

createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  try {
    response.end(await answer(new URL(request.url, base), body));
  } catch (error) {
    console.error(error);
    response.statusCode = 500;
    response.end(String(error));
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
