"""``collab init``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click

from collab.commands.failures import Failure
from collab.commands.terminal import ERR, on_one_line

#: how the server is called in the files that are written
_URL = "http://127.0.0.1:8080"
_APPLICATION = (
    "export COLLAB_JWT_SECRET=$(openssl rand -hex 32) WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)",
    'export COLLAB_WEBHOOKS=\'[{"url": "http://127.0.0.1:8000/webhook", "secret": "\'$WEBHOOK_SECRET\'"}]\'',
    "collab serve --auth jwt --cors-origins http://127.0.0.1:8000 &",
)
#: Ann may edit, Bob may read
_PAGE = "http://127.0.0.1:8000/?user=ann"


@dataclass(frozen=True, slots=True)
class Start:
    """What is written, below ``starts``, how it is run, and what is opened in a browser then."""

    files: tuple[str, ...]
    run: tuple[str, ...]
    page: str


STARTS = {
    "react": Start(
        (
            "react/index.html", "react/package.json", "react/tsconfig.json", "react/src/App.tsx", "react/src/main.tsx",
        ),
        ("collab serve --cors-origins http://localhost:5173 &", "npm install", "npm run dev"),
        "http://localhost:5173",
    ),
    "vanilla": Start(
        ("vanilla/index.html",),
        ("collab serve --cors-origins http://localhost:8000 &", "python3 -m http.server 8000"),
        "http://localhost:8000",
    ),
    "fastapi": Start(
        ("fastapi/fastapi_app.py", "page.html"),
        ("pip install fastapi uvicorn pyjwt standardwebhooks", *_APPLICATION, "uvicorn fastapi_app:app"),
        _PAGE,
    ),
    "django": Start(
        ("django/django_app.py", "page.html"),
        ("pip install django pyjwt standardwebhooks", *_APPLICATION, "python django_app.py runserver 8000"),
        _PAGE,
    ),
    "express": Start(
        ("express/express_app.mjs", "page.html"),
        ("npm install express jose standardwebhooks", *_APPLICATION, "node express_app.mjs"),
        _PAGE,
    ),
}  # fmt: skip


@click.command(short_help="Write a working start into an empty folder.")
@click.argument("kind", type=click.Choice(list(STARTS)))
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--url", default=_URL, show_default=True, help="Where the server is.")
def init(kind: str, folder: Path, url: str) -> None:
    """Write a working start into FOLDER, which is empty or not there yet.

    \b
    react    a page with the hooks of collab-client, built by Vite
    vanilla  one page without a bundler
    fastapi  a page with an editor, a view that mints a token, and one that is told what happens
    django   the same
    express  the same
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failure(f"{folder} is not empty; allowed: a folder that is empty, or not there yet")
    source = files("collab.commands") / "starts"
    for name in STARTS[kind].files:
        to = folder / name.removeprefix(f"{kind}/")
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(source.joinpath(name).read_text("utf-8").replace(_URL, url.rstrip("/")), "utf-8")
        except OSError as error:
            raise Failure(f"{to} cannot be written: {error.strerror or error}") from None
    place = () if folder.samefile(".") else (f"cd {folder}",)
    start = STARTS[kind]
    steps = (*(f"  {each}" for each in (*place, *start.run)), f"Then open {start.page} in two windows.")
    for line in (f"{folder}: {kind}. Next:", *steps):
        ERR.print(on_one_line(line), markup=False, highlight=False, soft_wrap=True)
