/**
 * Express: a page with an editor, a view that mints a token, and one that is told what happens.
 *
 *     npm install express jose standardwebhooks
 *     export COLLAB_JWT_SECRET=$(openssl rand -hex 32) COLLAB_URL=http://127.0.0.1:8080
 *     export WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)
 *     export COLLAB_WEBHOOKS='[{"url": "http://127.0.0.1:8000/webhook", "secret": "'$WEBHOOK_SECRET'"}]'
 *     collab serve --auth jwt --cors-origins http://127.0.0.1:8000 &
 *     node express_app.mjs    # then open http://127.0.0.1:8000/?user=ann
 */
import { fileURLToPath } from "node:url";
import express from "express";
import { SignJWT } from "jose";
import { Webhook } from "standardwebhooks";

const server = process.env.COLLAB_URL ?? "http://127.0.0.1:8080";
const secret = new TextEncoder().encode(process.env.COLLAB_JWT_SECRET);
/** Who may do what in which document: a table of yours. */
const roles = new Map([
  ["ann notes", "editor"],
  ["bob notes", "viewer"],
]);

const app = express();

app.get("/", (_request, response) => {
  response.sendFile(fileURLToPath(new URL("page.html", import.meta.url)));
});

app.get("/token", async (request, response) => {
  // Here the address says who it is; in an application its session does.
  const user = String(request.query.user ?? "");
  const document = String(request.query.document ?? "notes");
  const role = roles.get(`${user} ${document}`);
  if (role === undefined) {
    response.status(403).send("This document is not yours.");
    return;
  }
  const token = await new SignJWT({ name: user, grants: [{ documents: document, role }] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setExpirationTime("1h")
    .sign(secret);
  response.json({ url: server, document, token });
});

app.post("/webhook", express.raw({ type: "application/json" }), (request, response) => {
  let event;
  try {
    event = new Webhook(process.env.WEBHOOK_SECRET).verify(request.body, request.headers);
  } catch {
    response.status(400).send("This is not from the server.");
    return;
  }
  // It may come twice, with the same webhook-id. What takes long is done after the answer.
  console.log("told:", event.type, event.data.document);
  response.sendStatus(204);
});

app.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
