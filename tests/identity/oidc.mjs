// A certified OpenID Connect provider for tests: `oidc-provider` with its own sign-in pages, three people and a client.
// node oidc.mjs PORT REDIRECT_URI…  says "ready" when it listens
import Provider from "oidc-provider";

const [port, ...redirects] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const PEOPLE = {
  ada: { email: "ada@example.org", email_verified: true, name: "Ada Lovelace", groups: ["staff", "vena-admins"] },
  bob: { email: "bob@example.org", email_verified: true, name: "Bob Babbage", groups: ["staff"] },
  eve: { email: "olive@example.org", email_verified: false, name: "Eve", groups: ["vena-admins"] },
  old: { email: "old@example.org", name: "No Word", groups: [] },
};

const provider = new Provider(issuer, {
  clients: [{ client_id: "vena", client_secret: "a secret of the client's", redirect_uris: redirects }],
  findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["tests only"] },
});
provider.on("server_error", (_, error) => console.error(error));
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
