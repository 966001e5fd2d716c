"""The embedded server: web, worker and beat in one process, since the vector engine has one owner."""

from __future__ import annotations

import errno
import faulthandler
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import uvicorn
from celery.beat import EmbeddedService
from celery.worker import WorkController
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.tasks import settle_everything
from knowledge.ingestion.leases import take_no_more
from knowledge.providers.loops import run_in_loop
from knowledge.providers.registry import default_chat_provider, default_embedding_provider, vector_index
from knowledge.tasks import queued_tasks, recover_documents
from tenants.schemas import migrate_everything
from tenants.selectors import base_url, open_organisations
from vena_platform import demo, embedded
from vena_platform.celery import app
from vena_platform.repair import repair_indexes

PING_SECONDS, PONG_SECONDS = 15, 10  # a dead line is noticed after both; the Procfile has the same
STOP_SECONDS = 4  # that a task may still take when we leave


class Command(BaseCommand):
    help = "Run everything in one process: web server, worker and scheduler."
    requires_system_checks: list[str] = []  # they need a database that is migrated

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.VENA_EMBEDDED:
            raise CommandError("serve is for the embedded services; with services of your own use the Procfile.")
        faulthandler.register(signal.SIGUSR1)  # kill -USR1 shows where every thread stands
        listener = listen(options["host"], options["port"])
        if not os.environ.get("VENA_PUBLIC_PORT"):
            settings.VENA_PUBLIC_PORT = str(options["port"])  # the addresses that we print and link to
        settings.VENA_PROBE_ADDRESS = settings.VENA_PROBE_ADDRESS or here(listener)
        self.tell("Preparing the schemas ...")
        report = migrate_everything(tell=self.tell)
        if report.failed:
            self.tell("  Some organisations could not be migrated; the others are served.")
        self.prepare_models()
        demo.seed()
        with working():
            self.recover()
            self.serve(listener)

    def serve(self, listener: socket.socket) -> None:
        server = Server(
            uvicorn.Config(
                "vena_platform.asgi:application",
                lifespan="on",
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                ws_max_size=256 * 1024,
                ws_per_message_deflate=False,  # frames are small, and a compressor for each socket is not
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PONG_SECONDS,
                timeout_graceful_shutdown=3,
                proxy_headers=False,
                server_header=False,
            )
        )
        threading.Thread(target=self.announce, args=[server], daemon=True).start()
        threading.Thread(target=self.watch, args=[server], daemon=True).start()
        with suppress(KeyboardInterrupt, SystemExit):  # uvicorn repeats the signal that stopped it
            server.run(sockets=[listener])
        if not server.started:
            raise CommandError("the web server did not start; the lines above say why.")

    def prepare_models(self) -> None:
        if default_embedding_provider() == "local":
            from knowledge.providers.model_files import prepare_local_model

            prepare_local_model(settings.VENA_MODEL_FOLDER, self.tell)

    def recover(self) -> None:
        """We are the folder's only owner: whatever was running before is not running now."""
        interrupted = settle_everything()
        queue_is_empty = queued_tasks() == 0
        resumed = sum(
            recover_documents(schema_name=one.schema_name, include_queued=queue_is_empty, everything=True)
            for one in open_organisations()
        )
        if interrupted or resumed:
            self.tell(f"Picked up after an interruption: {resumed} documents, {interrupted} answers.")

    def announce(self, server: uvicorn.Server) -> None:
        while not server.started:
            if server.should_exit:
                return
            time.sleep(0.02)
        seconds = time.time() - psutil.Process().create_time()
        lines = [
            "",
            f"Vena is ready after {seconds:.1f} s.",
            f"  Demo organisation   {base_url(f'{demo.SLUG}.{settings.VENA_BASE_DOMAIN}')}",
            f"  Sign in with        {demo.OWNER}  /  {demo.PASSWORD}",
            f"  Public site         {base_url(settings.VENA_BASE_DOMAIN)}",
            f"  Platform admin      {base_url(settings.VENA_BASE_DOMAIN)}/admin/   {demo.OPERATOR}  /  {demo.PASSWORD}",
            f"  Answers             {answers()}",
            "  Stop with Ctrl-C.",
            "",
        ]
        self.tell("\n".join(lines))

    def watch(self, server: uvicorn.Server) -> None:
        """What is broken is mended: the index as we found it, a database or cache that is killed while we run."""
        if not settings.QDRANT_URL:
            repair_indexes(self.tell)
        running = embedded.recorded(embedded.home())
        while running and not server.should_exit:
            try:
                embedded.revive(running, self.tell)
            except embedded.EmbeddedError as error:
                self.tell(f"Vena stops: {error}")
                server.should_exit = True
            time.sleep(1)

    def tell(self, line: str) -> None:
        embedded.say(line)


class Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        embedded.say("Stopping ...")
        await super().shutdown(sockets)


def answers() -> str:
    match default_chat_provider():
        case "extractive":
            return "quoted from the documents (set OPENAI_API_KEY or ANTHROPIC_API_KEY for composed ones)"
        case "openai":
            return f"{settings.OPENAI_MODEL} at {settings.OPENAI_BASE_URL or 'OpenAI'}"
        case provider:
            return f"{settings.ANTHROPIC_MODEL} at {provider}"


def listen(host: str, port: int) -> socket.socket:
    """Take the port first: nothing slow happens before we know that we can serve."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"port {port} is in use. Stop the program that uses it, or choose another: make run PORT={port + 1}"
            ) from None
        raise CommandError(f"can't listen on {host}:{port} ({error.strerror}). Choose another HOST or PORT.") from None
    listener.listen(2048)
    return listener


def here(listener: socket.socket) -> str:
    """How this machine itself reaches it."""
    name = "[::1]" if listener.family == socket.AF_INET6 else "127.0.0.1"
    host = listener.getsockname()[0]
    return f"http://{name if host in ('0.0.0.0', '::', '::1') else host}:{listener.getsockname()[1]}"  # noqa: S104


@contextmanager
def working() -> Iterator[None]:
    """A Celery worker on threads of this process: it shares the vector engine and the embedding model."""
    worker = app.WorkController(
        pool="threads",
        concurrency=2,
        queues=["default", "ingestion"],
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    threading.Thread(target=worker.start, name="worker", daemon=True).start()
    # As a thread too: the worker's own `beat` option would fork this process.
    beat: Any = EmbeddedService(app, thread=True, schedule_filename=str(settings.VENA_HOME / "beat-schedule"))
    beat.start()
    try:
        yield
    finally:
        beat.service.stop()
        stop_worker(worker)


def stop_worker(worker: WorkController) -> None:
    """Documents in work go back in line, where the next start finds them; a long step is not waited for."""
    take_no_more()
    put_back_documents(again=False)  # whoever works on one hears of it at the next step
    stopping = threading.Thread(target=worker.stop, name="worker-stop", daemon=True)
    stopping.start()
    stopping.join(STOP_SECONDS)
    put_back_documents(again=True)
    if stopping.is_alive():
        logging.disable()  # its errors when the database goes say nothing new
    else:
        run_in_loop(vector_index().close())


def put_back_documents(*, again: bool) -> None:
    """`again`: the tickets too, which this worker may have drawn in vain on its way out."""
    for one in open_organisations():
        recover_documents(schema_name=one.schema_name, include_queued=again, everything=True)
