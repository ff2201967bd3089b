"""Django, in one file: a page with an editor, a view that mints a token, and one that is told what happens.

pip install django pyjwt standardwebhooks
export COLLAB_JWT_SECRET=$(openssl rand -hex 32) COLLAB_URL=http://127.0.0.1:8080
export WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)
export COLLAB_WEBHOOKS='[{"url": "http://127.0.0.1:8000/webhook", "secret": "'$WEBHOOK_SECRET'"}]'
collab serve --auth jwt --cors-origins http://127.0.0.1:8000 &
python django_app.py runserver 8000    # then open http://127.0.0.1:8000/?user=ann
"""

import os
import sys
import time
from pathlib import Path

import jwt
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from standardwebhooks import Webhook, WebhookVerificationError

SERVER = os.environ.get("COLLAB_URL", "http://127.0.0.1:8080")
SECRET = os.environ["COLLAB_JWT_SECRET"]
#: who may do what in which document: a table of yours
ROLES = {("ann", "notes"): "editor", ("bob", "notes"): "viewer"}

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"], SECRET_KEY=SECRET)


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(Path(__file__).with_name("page.html").read_text("utf-8"))


def token(request: HttpRequest) -> HttpResponse:
    # Here the address says who it is; in an application request.user does.
    user, document = request.GET.get("user", ""), request.GET.get("document", "notes")
    role = ROLES.get((user, document))
    if role is None:
        return HttpResponse("This document is not yours.", status=403)
    claims = {
        "sub": user,
        "name": user.title(),
        "exp": int(time.time()) + 3600,
        "grants": [{"documents": document, "role": role}],
    }
    return JsonResponse({"url": SERVER, "document": document, "token": jwt.encode(claims, SECRET, algorithm="HS256")})


@csrf_exempt  # the signature says who it is from
def webhook(request: HttpRequest) -> HttpResponse:
    try:
        event = Webhook(os.environ["WEBHOOK_SECRET"]).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return HttpResponse("This is not from the server.", status=400)
    # It may come twice, with the same webhook-id. What takes long is done after the answer.
    # One string: two requests in two threads would write into each other's line.
    print(f"told: {event['type']} {event['data'].get('document')}\n", end="", flush=True)
    return HttpResponse(status=204)


urlpatterns = [path("", page), path("token", token), path("webhook", webhook)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
