"""FastAPI: a page with an editor, a view that mints a token, and one that is told what happens.

pip install fastapi uvicorn pyjwt standardwebhooks
export COLLAB_JWT_SECRET=$(openssl rand -hex 32) COLLAB_URL=http://127.0.0.1:8080
export WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)
export COLLAB_WEBHOOKS='[{"url": "http://127.0.0.1:8000/webhook", "secret": "'$WEBHOOK_SECRET'"}]'
collab serve --auth jwt --cors-origins http://127.0.0.1:8000 &
uvicorn fastapi_app:app    # then open http://127.0.0.1:8000/?user=ann
"""

import os
import time
from pathlib import Path

import jwt
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse
from standardwebhooks import Webhook, WebhookVerificationError

SERVER = os.environ.get("COLLAB_URL", "http://127.0.0.1:8080")
SECRET = os.environ["COLLAB_JWT_SECRET"]
#: who may do what in which document: a table of yours
ROLES = {("ann", "notes"): "editor", ("bob", "notes"): "viewer"}

app = FastAPI()


@app.get("/")
def page() -> FileResponse:
    return FileResponse(Path(__file__).with_name("page.html"))


@app.get("/token")
def token(user: str = "", document: str = "notes") -> dict[str, str]:
    # Here the address says who it is; in an application its session does.
    role = ROLES.get((user, document))
    if role is None:
        raise HTTPException(403, "This document is not yours.")
    claims = {
        "sub": user,
        "name": user.title(),
        "exp": int(time.time()) + 3600,
        "grants": [{"documents": document, "role": role}],
    }
    return {"url": SERVER, "document": document, "token": jwt.encode(claims, SECRET, algorithm="HS256")}


@app.post("/webhook", status_code=204)
async def webhook(request: Request) -> None:
    try:
        event = Webhook(os.environ["WEBHOOK_SECRET"]).verify(await request.body(), dict(request.headers))
    except WebhookVerificationError:
        raise HTTPException(400, "This is not from the server.") from None
    # It may come twice, with the same webhook-id. What takes long is done after the answer.
    print("told:", event["type"], event["data"].get("document"), flush=True)
