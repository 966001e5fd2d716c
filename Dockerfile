# The front end is bundled in one stage, the application runs in another.
FROM node:22-slim AS pages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY static ./static
RUN npm run build

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=vena_platform.settings.production
ENV VENA_HOME=/data VENA_MEDIA_ROOT=/data/media VENA_MODEL_FOLDER=/opt/vena/models VENA_STATIC_ROOT=/opt/vena/static
WORKDIR /app
# Text recognition for scanned pages; more languages are packages of their own (tesseract-ocr-deu ...).
RUN apt-get update && apt-get install -y --no-install-recommends tesseract-ocr && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
COPY --from=pages /app/static/dist ./static/dist
# Built here, so that no container does it at its start: the local embedding model and the static files.
RUN python -m knowledge.providers.model_files "$VENA_MODEL_FOLDER" \
 && SECRET_KEY=build DATABASE_URL=postgresql://build REDIS_URL=redis://build QDRANT_URL=http://build \
    VENA_ENCRYPTION_KEYS=YnVpbGQtYnVpbGQtYnVpbGQtYnVpbGQtYnVpbGQtYnU= \
    VENA_BASE_DOMAIN=build EMAIL_HOST=build VENA_MEDIA_ROOT=/tmp DEFAULT_FROM_EMAIL=build@build.example \
    python manage.py collectstatic --noinput
RUN useradd --create-home vena && mkdir -p /data && chown vena /data
USER vena
VOLUME /data
EXPOSE 8000
CMD ["sh", "-c", "exec uvicorn vena_platform.asgi:application --host 0.0.0.0 --port ${PORT:-8000} --ws websockets-sansio --no-access-log --no-server-header --timeout-graceful-shutdown 25 --workers ${WEB_WORKERS:-2}"]
