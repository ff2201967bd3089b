"""FastAPI: a page with an editor, and a view that mints a token for whoever is signed in.

pip install fastapi uvicorn pyjwt
export COLLAB_JWT_SECRET=$(openssl rand -hex 32) COLLAB_URL=http://127.0.0.1:8080
collab serve --auth jwt --cors-origins http://127.0.0.1:8000 &
uvicorn fastapi_app:app    # then open http://127.0.0.1:8000/?user=ann
"""

import os
import time
from pathlib import Path

import jwt
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

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
